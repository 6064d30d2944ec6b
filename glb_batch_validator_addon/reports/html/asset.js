'use strict';
// The page of one asset.

function assetPage(asset, table) {
  const about = details(asset);
  const verdict = VERDICTS[asset.verdict];
  return [
    pager(asset, table),
    h('header', { class: 'asset-head' },
      thumbnail(asset, true),
      h('div', {},
        asset.folder ? h('p', { class: 'over path' }, asset.folder) : null,
        h('h1', { tabindex: '-1', id: 'asset-title' }, asset.base),
        h('p', { class: 'judged' }, verdictMark(asset), h('span', { class: 'muted' }, `${verdict.meaning}.`), about.unchanged ? h('span', { class: 'tag' }, 'unchanged since it was validated') : null),
        about.error ? failure(about.error) : null,
        about.change ? changeLine(about.change) : null,
        h('dl', { class: 'places' }, place('Asset', about.uri, about.uriLink), place('Report', about.report, about.reportLink)))),
    h('div', { class: 'columns' },
      h('div', {}, findingsOf(asset, about), coverageOf(asset, about)),
      h('div', { class: 'charts' }, factsOf(about), bytesOf(about), imagesOf(about))),
  ];
}

function pager(asset, table) {
  const position = table.shown.indexOf(asset);
  const list = position < 0 ? ASSETS : table.shown;
  const here = position < 0 ? asset.index : position;
  const step = (other, label, name) =>
    other ? h('a', { class: 'quiet', href: `#/asset/${other.route}`, id: name, title: other.name }, name === 'previous' ? icon('left') : null, label, name === 'next' ? icon('right') : null)
      : h('span', { class: 'quiet off' }, name === 'previous' ? icon('left') : null, label, name === 'next' ? icon('right') : null);
  return h('nav', { class: 'pager', 'aria-label': 'Assets' },
    h('a', { class: 'quiet', href: addressOf(table.filter), id: 'back' }, icon('left'), 'All assets'),
    h('span', { class: 'muted' }, `${number(here + 1)} of ${number(list.length)}`),
    step(list[here - 1], 'Previous', 'previous'),
    step(list[here + 1], 'Next', 'next'));
}

// A link only where the page says so: local files. Other addresses are text to copy.
function place(name, uri, link) {
  return [
    h('dt', {}, name),
    h('dd', {}, link ? h('a', { href: link, rel: 'noreferrer' }, uri) : h('code', {}, uri), copyButton(uri, `address of the ${name.toLowerCase()}`)),
  ];
}

function failure(error) {
  return h('div', { class: 'note bad' }, icon('error'),
    h('span', {}, h('strong', {}, `${error.kind}, in the stage ${error.stage}${error.signal ? ` (${error.signal})` : ''}. `), error.message));
}

function changeLine({ new: fresh, fixed, still, fixedRules }) {
  return h('p', { class: 'change' },
    h('span', { class: 'muted' }, 'Since the last run: '),
    h('span', { class: fresh ? 'tag new' : 'tag' }, `+ ${number(fresh)} new`), ' ',
    h('span', { class: fixed ? 'tag fixed' : 'tag' }, `✓ ${number(fixed)} fixed`), ' ',
    h('span', { class: 'tag' }, `${number(still)} still there`),
    fixedRules.length ? h('span', { class: 'muted' }, ` Fixed: ${fixedRules.map(([code, count]) => titleOf(code) + (count > 1 ? ` (${number(count)})` : '')).join(', ')}.`) : null);
}

function findingsOf(asset, about) {
  const open = about.findings.filter((group) => !group.waived);
  const waived = about.findings.filter((group) => group.waived);
  return [
    h('section', { 'aria-labelledby': 'findings-title' },
      h('h2', { id: 'findings-title' }, 'Findings ', h('span', { class: 'counts' }, SEVERITIES.map(({ name, one, several }, index) => asset.counts[index] ? h('span', { class: 'count' }, icon(name), plural(asset.counts[index], one, several)) : null))),
      open.length ? open.map(finding) : h('p', { class: 'muted' }, nothingFound(about))),
    waived.length ? h('section', { 'aria-labelledby': 'waived-title' }, h('h2', { id: 'waived-title' }, 'Waived'), waived.map(finding)) : null,
  ];
}

function nothingFound(about) {
  if (!about.coverage) return 'Nothing is known.';
  return about.coverage.length ? 'Nothing was found by what could look; see below what could not.' : 'Nothing was found, and every check could look.';
}

function finding(group) {
  const rule = RULES.get(group.code);
  const isNew = group.places.some((one) => one.new);
  const more = group.count - group.places.length;
  return h('article', { class: `finding ${group.severity}${group.waived ? ' is-waived' : ''}` },
    h('header', {}, icon(group.severity, group.severity), h('h3', {}, titleOf(group.code)),
      group.count > 1 ? h('span', { class: 'badge' }, `${number(group.count)} times`) : null,
      isNew ? h('span', { class: 'tag new' }, '+ new') : null,
      h('a', { class: 'code', href: addressOf({ ...NO_FILTER, rule: group.code }), title: 'All assets with it' }, group.code)),
    h('ul', { class: 'where' }, group.places.map(where), more > 0 ? h('li', { class: 'muted' }, `and ${number(more)} more: see the report`) : null),
    group.waiver ? h('p', { class: 'waiver' }, group.waiver) : null,
    rule && rule.why.length ? h('dl', { class: 'advice' }, h('dt', {}, 'Why'), h('dd', {}, spans(rule.why)), h('dt', {}, 'How'), h('dd', {}, spans(rule.how))) : null);
}

const PLACE_LABELS = { object: 'object', mesh: 'mesh', pointer: 'in the file', elements: '', at: 'at' };

function where({ message, where: places, times, saves }) {
  return h('li', {},
    h('p', {}, message),
    places.length || saves.length || times > 1
      ? h('p', { class: 'at' },
          places.map(([kind, text]) => h('span', {}, PLACE_LABELS[kind] ? `${PLACE_LABELS[kind]} ` : null, h('code', {}, text))),
          times > 1 ? h('span', {}, `${number(times)} of them`) : null,
          saves.length ? h('span', { class: 'saves' }, `saves ${saves.join(', ')}`) : null)
      : null);
}

function coverageOf(asset, { coverage }) {
  const title = h('h2', { id: 'coverage-title' }, 'What could not be checked');
  const section = (...children) => h('section', { id: 'coverage', 'aria-labelledby': 'coverage-title' }, title, children);
  if (!coverage) return section(h('p', {}, VERDICTS[asset.verdict].name === 'pending' ? 'Nothing has been checked: the run was interrupted before its turn.' : 'What was checked is not known here: see the report.'));
  if (!coverage.length) return section(h('p', { class: 'muted' }, 'Nothing: every check could look.'));
  return section(h('ul', { class: 'gaps' }, coverage.map(gap)));
}

function gap({ what, reason, count, places, rules }) {
  const named = places.join(', ');
  return h('li', {}, icon('partly'),
    h('div', {}, h('strong', {}, what), count === null ? ' was not looked at. ' : ` was not looked at in ${plural(count, 'place')}: ${named}${count > places.length ? ', …' : ''}. `,
      h('span', { class: 'muted' }, spans(reason)),
      rules.length ? h('details', {}, h('summary', {}, `${plural(rules.length, 'rule says', 'rules say')} ${count === null ? 'nothing' : 'not all'}`), h('p', { class: 'muted' }, rules.map(titleOf).join(', '))) : null));
}

function factsOf({ facts }) {
  return h('section', { class: 'chart', 'aria-labelledby': 'facts-title' }, h('h2', { id: 'facts-title' }, 'Facts'),
    h('dl', { class: 'facts' }, facts.map(([name, value]) => h('div', { class: value.length > 28 ? 'long' : null }, h('dt', {}, name), h('dd', {}, value)))));
}

const BYTE_CLASSES = ['textures', 'geometry', 'animations', 'json', 'rest'];

function bytesOf({ bytes }) {
  const whole = bytes.reduce((sum, [, value]) => sum + value, 0);
  if (!whole) return null;
  let x = 0;
  const bar = bytes.map(([, value], index) => {
    const width = (100 * value) / whole;
    x += width;
    return s('rect', { class: `kind-${BYTE_CLASSES[index]}`, x: x - width, y: 0, width, height: 10 });
  });
  return h('section', { class: 'chart', 'aria-labelledby': 'bytes-title' }, h('h2', { id: 'bytes-title' }, 'Bytes by kind'),
    s('svg', { class: 'stack low', viewBox: '0 0 100 10', preserveAspectRatio: 'none', 'aria-hidden': 'true' }, bar),
    h('ul', { class: 'shares' }, bytes.map(([label, value], index) => value ? h('li', {},
      s('svg', { class: 'swatch', viewBox: '0 0 10 10', 'aria-hidden': 'true' }, s('rect', { class: `kind-${BYTE_CLASSES[index]}`, width: 10, height: 10, rx: 2 })),
      h('span', {}, label), h('span', { class: 'n' }, size(value)), h('span', { class: 'n muted' }, `${Math.round((100 * value) / whole)} %`)) : null)));
}

function imagesOf({ images, imageCount }) {
  if (!images.length) return null;
  return h('section', { class: 'chart', 'aria-labelledby': 'images-title' }, h('h2', { id: 'images-title' }, 'Images'),
    h('ul', { class: 'images' }, images.map(([name, format, pixels, bytes, gpu]) =>
      h('li', {}, h('span', { class: 'base' }, name), h('span', { class: 'muted' }, [format, pixels, bytes, gpu].filter(Boolean).join(' · ') || 'could not be read')))),
    imageCount > images.length ? h('p', { class: 'muted' }, `And ${number(imageCount - images.length)} more.`) : null);
}
