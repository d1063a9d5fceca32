// The stage: everybody's tile, as large as they fit; a shared screen takes the room, and the others line up beside it.

import { h } from '../shared/dom.js';
import { t } from '../shared/page.js';
import { Tile } from './tile.js';

const GAP = 10;
/** Tiles may be cut from a tall to a wide picture, no further: faces stay in them. */
const NARROWEST = 4 / 5;
const WIDEST = 16 / 9;

/** The largest tiles of which `count` fit: `{columns, width, height}`. */
export function fit(count, width, height, gap = GAP) {
  let best = { columns: 1, width: 0, height: 0 };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    let wide = Math.max(0, (width - gap * (columns - 1)) / columns);
    let high = Math.max(0, (height - gap * (rows - 1)) / rows);
    if (wide > high * WIDEST) wide = high * WIDEST;
    else if (wide < high * NARROWEST) high = wide / NARROWEST;
    if (wide * high > best.width * best.height) best = { columns, width: wide, height: high };
  }
  return { ...best, width: Math.floor(best.width), height: Math.floor(best.height) };
}

export class Stage {
  node;

  #grid = h('ul', { class: 'grid', 'aria-label': t('people') });
  #large = h('ul', { class: 'large', 'aria-label': t('share.stage'), hidden: true });
  #tiles = new Map();
  #shares = new Map();
  #resized = new ResizeObserver(() => this.#arrange());

  constructor() {
    this.node = h('div', { class: 'stage', 'data-layout': 'grid' }, this.#large, this.#grid);
    this.#resized.observe(this.node);
  }

  update(people) {
    const sharing = people.filter((person) => person.shared);
    this.#keepOnly(this.#tiles, people);
    this.#keepOnly(this.#shares, sharing);
    people.forEach((person) => this.#tile(this.#tiles, person, false));
    sharing.forEach((person) => this.#tile(this.#shares, person, true));
    // Whoever began to share last is what everybody looks at.
    [...this.#shares.values()].forEach((tile, at, all) => this.#place(tile, at === all.length - 1 ? this.#large : this.#grid));
    this.#large.hidden = sharing.length === 0;
    this.node.dataset.layout = sharing.length > 0 ? 'share' : 'grid';
    this.#arrange();
  }

  end() {
    this.#resized.disconnect();
    this.#keepOnly(this.#tiles, []);
    this.#keepOnly(this.#shares, []);
  }

  #tile(tiles, person, shared) {
    let tile = tiles.get(person.id);
    if (!tile) {
      tile = new Tile(person.id, { shared });
      tiles.set(person.id, tile);
      if (!shared) this.#grid.append(tile.node);
    }
    tile.update(person, { shared });
  }

  /** Moving an element stops its video for a moment, so it is moved only when it has to be. */
  #place(tile, parent) {
    if (tile.node.parentNode !== parent) parent.append(tile.node);
  }

  #keepOnly(tiles, people) {
    const stay = new Set(people.map((person) => person.id));
    for (const [id, tile] of tiles) {
      if (stay.has(id)) continue;
      tile.remove();
      tiles.delete(id);
    }
  }

  #arrange() {
    if (this.node.dataset.layout === 'share') return;
    const { width, height } = fit(this.#grid.children.length, this.node.clientWidth, this.node.clientHeight);
    this.node.style.setProperty('--tile-width', `${width}px`);
    this.node.style.setProperty('--tile-height', `${height}px`);
  }
}
