'use strict';
// Which part of the page is in sight, by the fragment of its address: so links lead to assets, and Back goes back.

const VIEWS = ['overview', 'assets', 'asset', 'library'];
const MAX_PRINTED = 1000;
const NAME = document.title;
let view = null;
let current = null;

const table = new Table(byId('table-view'), (filter) => {
  table.apply(filter);
  history.replaceState(null, '', addressOf(filter));
});

function assetOf(route) {
  if (BY_ROUTE.has(route)) return BY_ROUTE.get(route);
  try {
    return BY_ROUTE.get(routeOf(decodeURIComponent(route))) || null;
  } catch {
    return null; // no address of ours
  }
}

function navigate() {
  const [, path = '', query = ''] = /^#\/([^?]*)\??(.*)$/s.exec(location.hash) || [];
  if (path.startsWith('asset/')) showAsset(path.slice('asset/'.length));
  else if (path === 'assets') showTable(query);
  else show(path === 'library' ? 'library' : 'overview');
}

function show(name) {
  if (view === 'assets' && name !== 'assets') table.hide();
  const moved = view !== null;
  view = name;
  document.body.dataset.view = name;
  for (const one of VIEWS) byId(one).hidden = one !== name;
  for (const tab of byId('tabs').children) {
    if (tab.dataset.view === name || (name === 'asset' && tab.dataset.view === 'assets')) tab.setAttribute('aria-current', 'page');
    else tab.removeAttribute('aria-current');
  }
  const heading = byId(`${name}-title`);
  document.title = name === 'overview' ? NAME : `${current && name === 'asset' ? current.base : heading.textContent} – ${NAME}`;
  if (name !== 'assets') window.scrollTo(0, 0);
  if (moved && heading) heading.focus({ preventScroll: true });
}

function showTable(query) {
  table.apply(filterOf(query));
  const before = view === 'asset' ? current : null;
  if (view !== 'assets') show('assets');
  table.show(before);
  current = null;
}

function showAsset(route) {
  current = assetOf(route);
  byId('asset').replaceChildren(...(current ? assetPage(current, table).flat(Infinity).filter(Boolean) : missing()));
  show('asset');
}

function missing() {
  return [
    h('h1', { tabindex: '-1', id: 'asset-title' }, 'This asset is not in this page'),
    h('p', {}, TOTALS.leftOut ? 'It may be one of those that are left out so that the page opens quickly; assets.csv has all. ' : 'The library of this run has no such asset. ', h('a', { href: '#/assets' }, 'All assets')),
  ];
}

function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input, select, textarea')) return;
  const step = { ArrowLeft: 'previous', ArrowRight: 'next', Escape: 'back' }[event.key];
  const link = view === 'asset' && step ? byId(step) : null;
  if (link) link.click();
  else if (event.key === '/') {
    if (view !== 'assets') location.hash = addressOf(table.filter);
    requestAnimationFrame(() => table.search.focus());
  } else return;
  event.preventDefault();
}

function themeButton() {
  const button = byId('theme');
  const draw = () => {
    const { theme } = document.documentElement.dataset;
    const label = { auto: 'System', light: 'Light', dark: 'Dark' }[theme];
    button.replaceChildren(icon(theme), h('span', {}, label));
    button.setAttribute('aria-label', `Theme: ${label}`);
  };
  button.hidden = false;
  button.addEventListener('click', () => {
    setTheme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length]);
    draw();
  });
  draw();
}

// On paper the table has all its rows, up to a number that nobody reads on paper.
function printTable() {
  const shown = table.shown.slice(0, MAX_PRINTED);
  const cell = (content, numeric = false) => h('td', { class: numeric ? 'n' : null }, content);
  byId('print').replaceChildren(
    h('h2', {}, `Assets (${number(table.shown.length)})`),
    h('table', { class: 'list' },
      h('thead', {}, h('tr', {}, ['Verdict', 'Name', 'Triangles', 'Size', 'GPU memory', 'Findings'].map((label) => h('th', {}, label)))),
      h('tbody', {}, shown.map((asset) => h('tr', {}, cell(verdictMark(asset)), cell(asset.name), cell(number(asset.triangles), true), cell(size(asset.bytes), true), cell(size(asset.gpu), true), cell(findingCounts(asset)))))),
    table.shown.length > shown.length ? h('p', {}, `And ${number(table.shown.length - shown.length)} more.`) : '',
  );
}

overview();
themeButton();
table.apply(NO_FILTER);
byId('skip').addEventListener('click', (event) => {
  event.preventDefault(); // the fragment is an address of ours
  byId('content').focus();
});
document.addEventListener('keydown', keys);
window.addEventListener('hashchange', navigate);
window.addEventListener('beforeprint', printTable);
window.addEventListener('afterprint', () => byId('print').replaceChildren());
navigate();
document.documentElement.classList.add('ready');
performance.mark('ready');
