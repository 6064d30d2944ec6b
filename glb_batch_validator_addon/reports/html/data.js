'use strict';
// The assets of the page: their rows at once, details and pictures when they are looked at.

const parsed = (id) => {
  const element = byId(id);
  return element && JSON.parse(element.textContent);
};

const VOCABULARY = parsed('vocabulary');
const VERDICTS = VOCABULARY.verdicts.map(([name, label, meaning]) => ({ name, label, meaning }));
const SEVERITIES = VOCABULARY.severities.map(([name, one, several]) => ({ name, one, several }));
const RULES = new Map(Object.entries(VOCABULARY.rules).map(([code, [title, why, how]]) => [code, { title, why, how }]));
const TOTALS = parsed('totals');

const titleOf = (code) => {
  const rule = RULES.get(code);
  if (rule) return rule.title;
  const words = code.replace(/^GLBV_/, '').replaceAll('_', ' ').toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
};

// Equal to `words.route_of` for every name that can be shown as it is.
const routeOf = (name) => encodeURIComponent(name).replaceAll('%2F', '/');

const shared = new Map();
const interned = (list) => {
  const key = list.join(' ');
  if (!shared.has(key)) shared.set(key, new Set(list));
  return shared.get(key);
};

// One error is worse than any number of warnings, one warning than any number of what comes after it.
const weigh = (counts) => counts.reduce((sum, count) => sum * 1000 + Math.min(count, 999), 0);

const ASSETS = [];
for (const block of document.querySelectorAll('script.rows')) {
  for (const [name, verdict, triangles, bytes, gpu, counts, exporter, codes, gaps, failure, pictured, route] of JSON.parse(block.textContent)) {
    const slash = name.lastIndexOf('/') + 1;
    ASSETS.push({
      index: ASSETS.length,
      name,
      folder: name.slice(0, slash),
      base: name.slice(slash),
      searched: name.toLowerCase(),
      verdict,
      triangles,
      bytes,
      gpu,
      counts,
      weight: weigh(counts),
      exporter,
      rules: interned(codes),
      gaps,
      failure,
      pictured: pictured === 1,
      route: route || routeOf(name),
    });
  }
}
const BY_ROUTE = new Map(ASSETS.map((asset) => [asset.route, asset]));

// As scorecards call it.
const exporterOf = (asset) => asset.exporter || 'unknown';

// How many assets are in each folder or below; each ends in "/".
function foldersOf(assets) {
  const counts = new Map();
  for (const { folder } of assets) {
    for (let end = folder.indexOf('/'); end !== -1; end = folder.indexOf('/', end + 1)) {
      const above = folder.slice(0, end + 1);
      counts.set(above, (counts.get(above) || 0) + 1);
    }
  }
  return counts;
}

const details = (asset) => parsed(`asset-${asset.index}`);
const picture = (asset) => (asset.pictured ? parsed(`picture-${asset.index}`) : null);

// Ascending; assets that are equal stay in the order of their names.
const SORTS = {
  verdict: (a, b) => a.verdict - b.verdict || b.weight - a.weight,
  name: (a, b) => a.index - b.index,
  triangles: (a, b) => a.triangles - b.triangles,
  bytes: (a, b) => a.bytes - b.bytes,
  gpu: (a, b) => a.gpu - b.gpu,
  findings: (a, b) => a.weight - b.weight,
};

// Of assets in the order of their names. What is not known comes last, whichever way the others run.
function sorted(assets, column, descending) {
  const compare = SORTS[column];
  const known = assets.filter((asset) => asset[column] !== null);
  const unknown = assets.filter((asset) => asset[column] === null);
  return known.sort(descending ? (a, b) => compare(b, a) : compare).concat(unknown);
}

// `filter`: q, verdicts (a set of names), partly, rule, exporter, folder; what is empty lets all pass.
function filtered(filter) {
  const words = filter.q.toLowerCase().split(/\s+/).filter(Boolean);
  return ASSETS.filter(
    (asset) =>
      (!filter.verdicts.size || filter.verdicts.has(VERDICTS[asset.verdict].name)) &&
      (!filter.partly || asset.gaps > 0) &&
      (!filter.rule || asset.rules.has(filter.rule)) &&
      (!filter.exporter || exporterOf(asset) === filter.exporter) &&
      (!filter.folder || asset.folder.startsWith(filter.folder)) &&
      words.every((word) => asset.searched.includes(word)),
  );
}

function tally(values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) || 0) + 1);
  return counts;
}
