'use strict';
// What the overview shows of the assets themselves; the rest of it the page already has.

const WORST = 10;

function overview() {
  const unlooked = ASSETS.filter((asset) => asset.gaps).length;
  byId('unlooked').hidden = !unlooked;
  byId('unlooked').lastElementChild.append(h('a', { class: 'plain', href: '#/assets?partly=1' }, plural(unlooked, 'asset')));
  drawHistogram(TOTALS.histogram);
  gallery();
  const more = byId('more-fixes');
  if (more) {
    const button = byId('show-fixes');
    more.hidden = true;
    button.hidden = false;
    button.setAttribute('aria-expanded', 'false');
    button.addEventListener('click', () => {
      more.hidden = false;
      button.hidden = true;
      more.querySelector('a').focus();
    });
  }
  for (const kind of ['exporter', 'folder']) linkCards(kind);
}

// The verdict, and what it is mostly for.
function reason(asset) {
  const { name, label } = VERDICTS[asset.verdict];
  const [code] = asset.rules;
  return h('span', { class: 'reason' }, icon(name, label), h('span', {}, asset.failure || (code ? titleOf(code) : label)));
}

function gallery() {
  const worst = sorted(ASSETS.filter(({ verdict }) => !['pass', 'pending'].includes(VERDICTS[verdict].name)), 'verdict', false).slice(0, WORST);
  byId('worst').hidden = !worst.some((asset) => asset.pictured);
  byId('worst').querySelector('ul').append(
    ...worst.map((asset) =>
      h('li', {}, h('a', { href: `#/asset/${asset.route}`, title: asset.name }, thumbnail(asset, true), h('span', { class: 'base' }, asset.base), reason(asset)))),
  );
}

// Names of scorecards lead to their assets, where the table has them and can filter by them.
function linkCards(kind) {
  const known = kind === 'exporter' ? new Set(ASSETS.map(exporterOf)) : foldersOf(ASSETS);
  for (const cell of document.querySelectorAll(`td[data-filter="${kind}"]`)) {
    const value = kind === 'folder' ? `${cell.dataset.value}/` : cell.dataset.value;
    if (known.has(value)) {
      cell.replaceChildren(h('a', { href: addressOf({ ...NO_FILTER, [kind]: value }) }, cell.textContent));
    }
  }
}

const decade = (power) => (power < 3 ? String(10 ** power) : power < 6 ? `${10 ** (power - 3)} k` : `${10 ** (power - 6)} M`);

function drawHistogram({ bins, perDecade, none, over, budget }) {
  if (!bins.length) return;
  const [width, height] = [400, 120];
  const least = Math.floor(bins[0][0] / perDecade);
  const limit = budget ? Math.log10(budget) : -Infinity;
  const greatest = Math.max(Math.ceil((bins.at(-1)[0] + 1) / perDecade), Math.ceil(limit + 0.01), least + 1);
  const scale = width / ((greatest - least) * perDecade);
  const x = (bin) => (bin - least * perDecade) * scale;
  const most = Math.max(...bins.map(([, count]) => count));
  const edge = (bin) => `${number(10 ** (bin / perDecade))}`;
  const svg = s('svg', { class: 'line-chart', viewBox: '-30 -18 440 162', role: 'img', 'aria-label': `Assets by number of triangles${budget ? `; ${number(over)} are over the budget of ${number(budget)}` : ''}` });
  for (let power = least; power <= greatest; power += 1) {
    svg.append(s('line', { class: 'grid', x1: x(power * perDecade), x2: x(power * perDecade), y1: 0, y2: height + 4 }),
      s('text', { class: 'tick middle', x: x(power * perDecade), y: height + 18 }, decade(power)));
  }
  svg.append(s('text', { class: 'tick end', x: -6, y: 8 }, number(most)), s('text', { class: 'tick end', x: -6, y: height }, '0'));
  for (const [bin, count] of bins) {
    const tall = Math.max(2, (height * count) / most);
    const beyond = bin / perDecade >= limit - 1e-9 && budget;
    svg.append(s('rect', { class: beyond ? 'bin over' : 'bin', x: x(bin) + 1, y: height - tall, width: Math.max(1, scale - 2), height: tall, rx: 1.5 },
      s('title', {}, `${edge(bin)} to ${edge(bin + 1)} triangles: ${plural(count, 'asset')}`)));
  }
  svg.append(s('line', { class: 'axis', x1: 0, x2: width, y1: height, y2: height }));
  if (budget) {
    const at = x(limit * perDecade);
    const left = at > width / 2;
    svg.append(s('line', { class: 'budget', x1: at, x2: at, y1: -14, y2: height }),
      s('text', { class: `tick budget-label${left ? ' end' : ''}`, x: at + (left ? -5 : 5), y: -6 }, `budget ${number(budget)}`));
  }
  const notes = [budget ? `${plural(over, 'asset is', 'assets are')} over the budget.` : null, none ? `${plural(none, 'asset has', 'assets have')} none.` : null];
  byId('histogram-note').textContent = ['Assets by triangles drawn, on a logarithmic scale.', ...notes].filter(Boolean).join(' ');
  byId('histogram').append(svg);
  byId('histogram-card').hidden = false;
}
