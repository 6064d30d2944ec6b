'use strict';
// The table of assets. Only the rows in sight are elements, so ten thousand assets are as quick as ten.

const COLUMNS = [
  { name: 'verdict', label: 'Verdict' },
  { name: 'name', label: 'Name' },
  { name: 'triangles', label: 'Triangles', numeric: true, title: 'As drawn: once per object that shows them' },
  { name: 'bytes', label: 'Size', numeric: true },
  { name: 'gpu', label: 'GPU memory', numeric: true, title: 'Of images with their mip levels, and of geometry' },
  { name: 'findings', label: 'Findings', descending: true },
];
const BEYOND = 8; // rows above and below those in sight
const MAX_OPTIONS = 300; // folders and exporters that can be chosen; search finds the rest

const NO_FILTER = { q: '', verdicts: new Set(), partly: false, rule: '', exporter: '', folder: '', sort: 'verdict', descending: false };

function filterOf(query) {
  const values = new URLSearchParams(query);
  const sort = values.get('sort') || 'verdict';
  const column = sort.replace(/^-/, '');
  return {
    q: values.get('q') || '',
    verdicts: new Set((values.get('verdict') || '').split(',').filter(Boolean)),
    partly: values.has('partly'),
    rule: values.get('rule') || '',
    exporter: values.get('exporter') || '',
    folder: values.get('folder') || '',
    sort: column in SORTS ? column : 'verdict',
    descending: sort.startsWith('-'),
  };
}

function queryOf(filter) {
  const values = new URLSearchParams();
  if (filter.q) values.set('q', filter.q);
  if (filter.verdicts.size) values.set('verdict', [...filter.verdicts].join(','));
  if (filter.partly) values.set('partly', '1');
  for (const name of ['rule', 'exporter', 'folder']) if (filter[name]) values.set(name, filter[name]);
  if (filter.sort !== 'verdict' || filter.descending) values.set('sort', (filter.descending ? '-' : '') + filter.sort);
  return values.toString();
}

function addressOf(filter) {
  const query = queryOf(filter);
  return `#/assets${query ? `?${query}` : ''}`;
}

function findingCounts(asset) {
  const parts = SEVERITIES.map(({ name, one, several }, index) => {
    const count = asset.counts[index];
    return count ? h('span', { class: 'count', title: plural(count, one, several) }, icon(name), number(count), hidden(` ${count === 1 ? one : several} `)) : null;
  });
  if (asset.gaps) {
    const told = 'Not checked in full';
    parts.push(h('span', { class: 'count', title: told }, icon('partly', told)));
  }
  if (VERDICTS[asset.verdict].name === 'pending') return h('span', { class: 'muted' }, 'not known');
  return parts.some(Boolean) ? h('span', { class: 'counts' }, parts) : h('span', { class: 'muted' }, 'none');
}

function thumbnail(asset, large = false) {
  const source = picture(asset);
  const box = h('span', { class: large ? 'picture' : 'thumb' });
  box.append(source ? h('img', { src: source, alt: large ? `Preview of ${asset.base}` : '', decoding: 'async' }) : icon('cube'));
  if (!source && large) box.append(h('span', { class: 'muted' }, 'No picture'));
  return box;
}

const verdictMark = (asset) => {
  const { name, label, meaning } = VERDICTS[asset.verdict];
  return h('span', { class: `verdict ${name}`, title: meaning }, icon(name), h('span', {}, label));
};

class Table {
  constructor(parent, changed) {
    this.changed = changed;
    this.filter = NO_FILTER;
    this.shown = [];
    this.active = 0;
    this.rows = new Map();
    this.build(parent);
  }

  build(parent) {
    const total = tally(ASSETS.map((asset) => asset.verdict));
    this.search = h('input', { type: 'search', id: 'search', placeholder: 'Search names', 'aria-label': 'Search names of assets', autocomplete: 'off', spellcheck: 'false' });
    this.search.addEventListener('input', () => this.change({ q: this.search.value }));
    this.chips = VERDICTS.map(({ name, label, meaning }, index) =>
      total.has(index)
        ? h('button', { type: 'button', class: 'chip', 'aria-pressed': 'false', title: meaning, 'data-verdict': name, onclick: () => this.toggle(name) },
            icon(name), `${label} `, h('span', { class: 'muted' }, number(total.get(index))))
        : null,
    ).filter(Boolean);
    const partly = ASSETS.filter((asset) => asset.gaps).length;
    this.partly = h('button', { type: 'button', class: 'chip', 'aria-pressed': 'false', title: 'Something could not be looked at: no findings there says nothing', hidden: !partly, onclick: () => this.change({ partly: !this.filter.partly }) },
      icon('partly'), 'Not checked in full ', h('span', { class: 'muted' }, number(partly)));
    this.choices = {
      rule: this.choice('rule', 'All rules', tally(ASSETS.flatMap((asset) => [...asset.rules])), titleOf),
      exporter: this.choice('exporter', 'All exporters', tally(ASSETS.map(exporterOf))),
      folder: this.choice('folder', 'All folders', foldersOf(ASSETS)),
    };
    this.clear = h('button', { type: 'button', class: 'quiet', onclick: () => this.change({ ...NO_FILTER, sort: this.filter.sort, descending: this.filter.descending }) }, 'Clear filters');
    this.status = h('p', { class: 'status', role: 'status' });
    this.heads = COLUMNS.map(({ name, label, numeric, title }) =>
      h('th', { scope: 'col', class: `c-${name}${numeric ? ' n' : ''}`, 'data-column': name },
        h('button', { type: 'button', title: title || null, onclick: () => this.sortBy(name) }, label, h('span', { class: 'arrow', 'aria-hidden': 'true' }))),
    );
    this.above = h('td');
    this.below = h('td');
    this.body = h('tbody', {});
    const space = (cell) => h('tbody', { class: 'space', 'aria-hidden': 'true' }, h('tr', {}, cell));
    this.table = h('table', { class: ASSETS.some((asset) => asset.pictured) ? 'assets' : 'assets no-pictures', 'aria-label': 'Assets' },
      h('thead', {}, h('tr', { 'aria-rowindex': '1' }, h('th', { scope: 'col', class: 'c-picture' }, hidden('Picture')), this.heads)),
      space(this.above), this.body, space(this.below));
    this.empty = h('p', { class: 'empty', hidden: true }, 'No asset is like that. ', h('button', { type: 'button', class: 'quiet', onclick: () => this.clear.click() }, 'Clear filters'));
    this.scroller = h('div', { class: 'scroller', tabindex: '0', role: 'region', 'aria-label': 'Table of assets' }, this.table, this.empty);
    this.scroller.addEventListener('scroll', () => this.render(), { passive: true });
    this.scroller.addEventListener('keydown', (event) => this.key(event));
    this.scroller.addEventListener('click', (event) => this.click(event));
    this.search.addEventListener('keydown', (event) => {
      if (event.key === 'ArrowDown') this.go(0);
      else if (event.key === 'Escape' && this.search.value) this.change({ q: '' });
      else return;
      event.preventDefault();
    });
    new ResizeObserver(() => this.render()).observe(this.scroller);
    parent.append(
      h('div', { class: 'filters', role: 'search', 'aria-label': 'Assets' },
        this.search, h('div', { class: 'chips', role: 'group', 'aria-label': 'Verdicts' }, this.chips, this.partly),
        h('div', { class: 'choices' }, Object.values(this.choices)), this.status, this.clear),
      leftOutNote(),
      this.scroller,
    );
  }

  choice(name, all, counts, label = (value) => value) {
    const most = [...counts].sort((a, b) => b[1] - a[1]).slice(0, MAX_OPTIONS);
    const options = most.map(([value, count]) => [label(value), value, count]).sort((a, b) => (a[0] < b[0] ? -1 : 1));
    const select = h('select', { 'aria-label': all, 'data-filter': name }, h('option', { value: '' }, all),
      options.map(([text, value, count]) => h('option', { value }, `${text} (${number(count)})`)));
    select.addEventListener('change', () => this.change({ [name]: select.value }));
    return select;
  }

  change(part) {
    this.changed({ ...this.filter, ...part });
  }

  toggle(verdict) {
    const verdicts = new Set(this.filter.verdicts);
    if (!verdicts.delete(verdict)) verdicts.add(verdict);
    this.change({ verdicts });
  }

  sortBy(name) {
    const { numeric, descending } = COLUMNS.find((column) => column.name === name);
    const first = Boolean(numeric || descending);
    this.change({ sort: name, descending: this.filter.sort === name ? !this.filter.descending : first });
  }

  // Shows what a filter lets pass, from its top.
  apply(filter) {
    const same = queryOf(filter) === queryOf(this.filter) && this.shown.length > 0;
    this.filter = filter;
    if (this.search.value !== filter.q) this.search.value = filter.q;
    for (const chip of this.chips) chip.setAttribute('aria-pressed', String(filter.verdicts.has(chip.dataset.verdict)));
    this.partly.setAttribute('aria-pressed', String(filter.partly));
    for (const [name, select] of Object.entries(this.choices)) {
      if (filter[name] && ![...select.options].some((option) => option.value === filter[name])) {
        select.append(h('option', { value: filter[name] }, name === 'rule' ? titleOf(filter[name]) : filter[name]));
      }
      select.value = filter[name];
      select.classList.toggle('set', Boolean(filter[name]));
    }
    for (const head of this.heads) {
      const sorts = head.dataset.column === filter.sort;
      if (sorts) head.setAttribute('aria-sort', filter.descending ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
    }
    if (same) return;
    this.shown = sorted(filtered(filter), filter.sort, filter.descending);
    this.active = 0;
    this.table.setAttribute('aria-rowcount', String(this.shown.length + 1));
    const all = this.shown.length === ASSETS.length;
    this.status.textContent = all ? plural(ASSETS.length, 'asset') : `${number(this.shown.length)} of ${plural(ASSETS.length, 'asset')}`;
    this.clear.hidden = all && !filter.q;
    this.table.hidden = !this.shown.length;
    this.empty.hidden = Boolean(this.shown.length);
    this.scroller.scrollTop = 0;
    this.render();
  }

  render() {
    const height = this.scroller.clientHeight;
    if (!height) return; // not in sight
    const row = parseFloat(getComputedStyle(this.scroller).getPropertyValue('--row'));
    const top = this.scroller.scrollTop;
    const first = Math.max(0, Math.floor(top / row) - BEYOND);
    const last = Math.min(this.shown.length, Math.ceil((top + height) / row) + BEYOND);
    this.above.style.height = `${first * row}px`;
    this.below.style.height = `${(this.shown.length - last) * row}px`;
    const kept = new Map();
    for (let position = first; position < last; position += 1) {
      const asset = this.shown[position];
      const element = this.rows.get(asset) || this.row(asset);
      element.setAttribute('aria-rowindex', String(position + 2));
      element.dataset.position = String(position);
      this.mark(element, position === this.active);
      kept.set(asset, element);
    }
    for (const [asset, element] of this.rows) if (!kept.has(asset)) this.drop(element);
    // Elements that stay are not moved, for that would take the focus from them.
    let next = this.body.firstElementChild;
    for (const element of kept.values()) {
      if (element === next) next = next.nextElementSibling;
      else this.body.insertBefore(element, next);
    }
    this.rows = kept;
  }

  // The focus must not be lost with its row: then arrow keys go on from where it was.
  drop(element) {
    if (element.contains(document.activeElement)) this.scroller.focus({ preventScroll: true });
    element.remove();
  }

  mark(element, active) {
    element.classList.toggle('active', active);
    element.querySelector('a').tabIndex = active ? 0 : -1;
  }

  row(asset) {
    const small = [asset.failure, asset.triangles === null ? null : plural(asset.triangles, 'triangle'), size(asset.bytes)].filter(Boolean).join(' · ');
    return h('tr', {},
      h('td', { class: 'c-picture' }, thumbnail(asset)),
      h('td', { class: 'c-verdict' }, verdictMark(asset), asset.failure ? h('span', { class: 'failure' }, asset.failure) : null),
      h('td', { class: 'c-name' },
        h('a', { href: `#/asset/${asset.route}`, title: asset.name }, h('span', { class: 'base' }, asset.base), h('span', { class: 'folder' }, asset.folder)),
        h('span', { class: 'small muted', 'aria-hidden': 'true' }, small)),
      h('td', { class: 'c-triangles n' }, number(asset.triangles)),
      h('td', { class: 'c-bytes n' }, size(asset.bytes)),
      h('td', { class: 'c-gpu n' }, size(asset.gpu)),
      h('td', { class: 'c-findings' }, findingCounts(asset)));
  }

  // Make a row the active one, in sight and with the focus.
  go(position) {
    if (!this.shown.length) return;
    this.active = Math.max(0, Math.min(this.shown.length - 1, position));
    const row = parseFloat(getComputedStyle(this.scroller).getPropertyValue('--row'));
    const head = this.table.tHead.offsetHeight;
    const top = this.active * row;
    const { scrollTop, clientHeight } = this.scroller;
    if (top < scrollTop) this.scroller.scrollTop = top;
    else if (top + row + head > scrollTop + clientHeight) this.scroller.scrollTop = top + row + head - clientHeight;
    this.render();
    const element = this.rows.get(this.shown[this.active]);
    if (element) element.querySelector('a').focus({ preventScroll: true });
  }

  key(event) {
    if (event.target.closest('thead') || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / 48) - 2);
    const inRow = event.target.closest('tbody') !== null;
    const steps = { ArrowDown: inRow ? 1 : 0, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key in steps) this.go(this.active + steps[event.key]);
    else if (event.key === 'Enter' && !inRow && this.shown.length) location.hash = `#/asset/${this.shown[this.active].route}`;
    else if (event.key === 'Escape') this.search.focus();
    else return;
    event.preventDefault();
  }

  click(event) {
    const element = event.target.closest('tbody tr[data-position]');
    if (!element) return;
    this.active = Number(element.dataset.position);
    if (!event.target.closest('a') && !window.getSelection().toString()) element.querySelector('a').click();
  }

  // Comes back into sight, with an asset of its own in the middle of it.
  show(asset) {
    const position = asset ? this.shown.indexOf(asset) : -1;
    if (position >= 0) this.active = position;
    this.scroller.scrollTop = this.top || 0;
    this.render();
    if (position >= 0) this.go(position);
  }

  hide() {
    this.top = this.scroller.scrollTop;
  }
}

function leftOutNote() {
  const { leftOut, withoutPicture } = TOTALS;
  const told = [
    leftOut ? `${plural(leftOut, 'asset is', 'assets are')} left out so that the page opens quickly: of too many, those with the best verdicts. assets.csv has all.` : null,
    withoutPicture ? `${plural(withoutPicture, 'picture is', 'pictures are')} left out to keep this file small.` : null,
  ].filter(Boolean);
  return told.length ? h('p', { class: 'note', id: 'left-out' }, told.join(' ')) : '';
}
