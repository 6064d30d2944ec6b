"""What went wrong with S3, as one sentence that says what to do.

Errors are told apart by the names of botocore's exceptions and by the codes of S3's answers, so nothing is imported
here, and a class that another botocore lacks does no harm. The sentences are made of our own words and of what the
user gave: an exception's own text may hold what a credential helper printed, and the answer to a wrong signature
holds all that was signed, session token included.
"""

from __future__ import annotations

import re
from typing import Any

from ..errors import ChangedError, DeniedError, GlbvError, NotFoundError, UnavailableError, UsageError
from .s3_options import S3Options

_PERMISSIONS = {
    "ListObjectsV2": "s3:ListBucket",
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
}
_DOING = {"ListObjectsV2": "list", "GetObject": "read", "HeadObject": "look up", "PutObject": "write"}

_SIGN_IN = "sign in again, for example with `aws sso login{with_profile}`"

_SETUP_ERRORS = {
    "ProfileNotFound": "there is no profile {profile}: `aws configure list-profiles` names those that exist",
    "NoCredentialsError": "no AWS credentials were found: run `aws configure` or `aws sso login`, name a profile with "
    "--aws-profile, or read a public bucket with --no-sign-request",
    "NoAuthTokenError": f"there is no valid sign-in: {_SIGN_IN}",
    "TokenRetrievalError": f"the sign-in has expired: {_SIGN_IN}",
    "UnauthorizedSSOTokenError": f"the sign-in has expired: {_SIGN_IN}",
    "SSOError": f"there is no valid sign-in: {_SIGN_IN}",
    "LoginError": "there is no valid sign-in: run `aws login{with_profile}`",
    "PartialCredentialsError": "the AWS credentials are incomplete: an access key needs its secret key, and the "
    "other way round",
    "CredentialRetrievalError": "the AWS credentials could not be fetched: "
    "`aws sts get-caller-identity{with_profile}` says why",
    "FileNotFoundError": "the program that `credential_process` names does not exist: correct ~/.aws/config",
    "MetadataRetrievalError": "the credentials of this machine's role could not be fetched: check the role, or name a "
    "profile with --aws-profile",
    "RefreshWithMFAUnsupportedError": f"the session of a profile with MFA has ended: {_SIGN_IN}",
    "UnknownCredentialError": "the profile {profile} names an unknown source of credentials: correct ~/.aws/config",
    "InvalidConfigError": "the AWS configuration is not valid for the profile {profile}: correct ~/.aws/config",
    "ConfigParseError": "the AWS configuration cannot be parsed: correct ~/.aws/config and ~/.aws/credentials",
    "ConfigNotFound": "the AWS configuration file does not exist: check AWS_CONFIG_FILE",
    "MissingDependencyException": "this profile or bucket needs the Python package awscrt: use another profile",
    "InvalidRegionError": "{region} is not a region: check --region",
    "NoRegionError": "no region is known: name it with --region",
    "ParamValidationError": "{bucket} is not a valid bucket name: check --bucket",
    "ProxyConnectionError": "the proxy does not answer: check HTTPS_PROXY and NO_PROXY",
    "SSLError": "no trusted encrypted connection to {endpoint}: check the address, or name the CA that signed its "
    "certificate in AWS_CA_BUNDLE",
    "ConnectTimeoutError": "{endpoint} does not answer: check the network, the region and --endpoint-url",
    "ResponseParserError": "{endpoint} does not answer as an S3 server does: check --endpoint-url",
}

_SETUP_CODES = {
    "NoSuchBucket": "there is no bucket {bucket} at {endpoint}: check --bucket, --aws-profile and --endpoint-url",
    "InvalidBucketName": "{bucket} is not a valid bucket name: check --bucket",
    "InvalidAccessKeyId": "the access key is not known at {endpoint}: check --aws-profile and --endpoint-url",
    "SignatureDoesNotMatch": "the secret key does not fit the access key: check the credentials (profile {profile})",
    "ExpiredToken": f"the session has expired: {_SIGN_IN}",
    "ExpiredTokenException": f"the session has expired: {_SIGN_IN}",
    "RequestExpired": f"the session has expired: {_SIGN_IN}",
    "TokenRefreshRequired": f"the session has expired: {_SIGN_IN}",
    "InvalidToken": f"the session token is not valid: {_SIGN_IN}",
    "RequestTimeTooSkewed": "the clock of this machine is more than 15 minutes off: set it",
    "AccountProblem": "the account has a problem that keeps S3 from serving it: its owner must contact AWS",
    "NotSignedUp": "the account is not signed up for S3: check --aws-profile",
}

_WRONG_REGION_CODES = ("PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "301", "307")
_CHANGED_CODES = ("PreconditionFailed", "412", "InvalidRange", "416")
_PASSING_CODES = ("SlowDown", "RequestTimeout", "RequestTimeoutException", "OperationAborted", "TooManyRequests")
_PASSING_CODE_PARTS = ("Throttl", "LimitExceeded")


def s3_error(error: Exception, operation: str, key: str, options: S3Options) -> GlbvError:
    """The exception to raise for one met in `operation` (`GetObject`, ...) on `key` ("" when listing)."""
    target = f"s3://{options.bucket}/{key or options.prefix}"
    answer = getattr(error, "response", None)
    if isinstance(answer, dict):
        return _of_answer(answer, operation, key, options, target)
    names = [kind.__name__ for kind in type(error).__mro__]
    for name in names:
        if name in _SETUP_ERRORS:
            return _usage(_SETUP_ERRORS[name], options)
    if "EndpointConnectionError" in names:
        cause = str(getattr(error, "kwargs", {}).get("error"))
        why = "its name is not known" if "resolve" in cause else "it refuses the connection or there is no route to it"
        return _usage(f"{{endpoint}} cannot be reached, {why}: check the network, --region and --endpoint-url", options)
    if {"BotoCoreError", "HTTPError", "OSError"} & set(names):
        return UnavailableError(
            f"cannot {_DOING[operation]} {target}: the connection broke off or timed out, again and again"
            f" ({type(error).__name__})",
            key=key,
        )
    raise error


def _of_answer(answer: dict[str, Any], operation: str, key: str, options: S3Options, target: str) -> GlbvError:
    failure = answer.get("Error", {})
    code, said = str(failure.get("Code", "")), str(failure.get("Message", ""))
    metadata = answer.get("ResponseMetadata", {})
    status, headers = metadata.get("HTTPStatusCode", 0), metadata.get("HTTPHeaders", {})
    cannot = f"cannot {_DOING[operation]} {target}: "
    if code in _SETUP_CODES:
        return _usage(_SETUP_CODES[code], options)
    region = headers.get("x-amz-bucket-region") or failure.get("Region")
    if code in _WRONG_REGION_CODES or (status == 400 and region and region != options.region):
        where = f"the region {region}: use --region {region}" if region else "another region: check --region"
        return UsageError(f"the bucket {options.bucket} is in {where}")
    if status == 403:
        return _denied(said, operation, key, options, cannot)
    if code in _CHANGED_CODES:
        return ChangedError(f"{target} has changed since it was listed", key=key)
    if status == 404:
        return NotFoundError(f"{target} does not exist (any more)", key=key)
    if status >= 500 or code in _PASSING_CODES or any(part in code for part in _PASSING_CODE_PARTS):
        if code.isdigit() and operation == "ListObjectsV2":  # what botocore makes of an answer that is not S3's
            return _usage(_SETUP_ERRORS["ResponseParserError"], options)
        return UnavailableError(f"{cannot}the server kept answering {status} {code}", key=key)
    if operation == "ListObjectsV2":
        return UsageError(f"{cannot}the server answered {status} {code}: check --bucket, --region and --endpoint-url")
    return UnavailableError(f"{cannot}the server answered {status} {code}", key=key)


def _denied(said: str, operation: str, key: str, options: S3Options, cannot: str) -> GlbvError:
    # AWS names the missing permission, which may be one of KMS, in its message to the account's own users.
    named = re.search(r"not authorized to perform: (\w+:\w+)", said)
    permission = named[1] if named else _PERMISSIONS[operation]
    advice = f"access denied, ask for the permission {permission} on the bucket {options.bucket}"
    if operation == "ListObjectsV2" and options.prefix:
        advice += f" with the prefix {options.prefix}"
    if options.anonymous:
        advice += ", or leave out --no-sign-request: the bucket is not public"
    if options.expected_bucket_owner:
        advice += f", and check that the bucket belongs to the account {options.expected_bucket_owner}"
    if not options.request_payer:
        advice += "; if its requesters pay, add --request-payer"
    return UsageError(cannot + advice) if operation == "ListObjectsV2" else DeniedError(cannot + advice, key=key)


def _usage(sentence: str, options: S3Options) -> UsageError:
    return UsageError(
        sentence.format(
            bucket=options.bucket,
            endpoint=options.endpoint_url or "AWS",
            region=options.region,
            profile=options.profile or "in use",
            with_profile=f" --profile {options.profile}" if options.profile else "",
        )
    )
