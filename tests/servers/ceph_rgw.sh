#!/bin/sh
# A Ceph cluster of one monitor and one OSD that keeps its objects in memory, and the RADOS gateway that serves S3.
# Says "ready" on stdout once a user with the given keys exists and the gateway answers; ends when it is killed.
#   ceph_rgw.sh DATA MONITOR_PORT GATEWAY_PORT ACCESS_KEY SECRET_KEY
set -eu
exec 3>&1 1>&2  # only "ready" is for the caller
data=$1 monitor=127.0.0.1:$2 gateway_port=$3 access_key=$4 secret_key=$5
cluster=6f1a4c52-3b1e-4a52-9d0c-6a8f0a3f7d10 osd=0d3c6f5e-58a7-4f0b-8c52-0c4a7c1f2b93

# The daemons trust each other (auth none); the gateway checks the signatures of its S3 clients all the same.
cat > "$data/ceph.conf" <<CONF
[global]
fsid = $cluster
mon host = [v1:$monitor]
public addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
run dir = $data
log file = $data/\$name.log
admin socket =
keyring = $data/keyring
mon allow pool size one = true
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd crush chooseleaf type = 0
mon max pg per osd = 2000
# The start makes a dozen pools one after the other, each waiting for the monitor: 12 s with the default of 1 s.
paxos propose interval = 0.05
# A test machine's disk may be nearly full; nothing is stored on it.
mon data avail warn = 1
mon data avail crit = 0
[mon.a]
mon data = $data/mon
[osd.0]
osd objectstore = memstore
memstore device bytes = 2147483648
osd data = $data/osd
# The default is relative and then not found.
osd class dir = /usr/lib/x86_64-linux-gnu/rados-classes
[client.gateway]
rgw data = $data
# Without tcp_nodelay a small GET waits 40 ms.
rgw frontends = beast endpoint=127.0.0.1:$gateway_port tcp_nodelay=1
CONF

export CEPH_CONF="$data/ceph.conf"
mkdir "$data/mon" "$data/osd"
ceph-authtool --create-keyring "$data/keyring" --gen-key --name mon. --cap mon 'allow *'
ceph-authtool "$data/keyring" --gen-key --name client.admin --cap mon 'allow *' --cap osd 'allow *'
monmaptool --create --fsid $cluster --addv a "[v1:$monitor]" "$data/monmap"
ceph-mon --id a --mkfs --monmap "$data/monmap"
ceph-mon --id a --foreground &
ceph --connect-timeout 60 osd new $osd
ceph-osd --id 0 --mkfs --osd-uuid $osd
# Some first starts end with "wrong fsid" (seen 2 times in 25), the next one works.
while :; do ceph-osd --id 0 --foreground || sleep 0.2; done &
radosgw-admin user create --uid tester --display-name tester --access-key "$access_key" --secret-key "$secret_key"
radosgw --name client.gateway --foreground &
until python3 -c "import socket; socket.create_connection(('127.0.0.1', $gateway_port)).close()" 2>/dev/null; do sleep 0.2; done
echo ready >&3
wait
