// Who is here, as a list beside the stage.

import { h, put } from '../shared/dom.js';
import { t } from '../shared/page.js';
import { marksOf } from './tile.js';

export class People {
  node;

  #list = h('ul', { class: 'stack tight' });
  #heading = h('h2', { tabindex: -1, id: 'people-title' });
  #said = '';

  constructor(close) {
    this.node = h('aside', { class: 'people', 'aria-labelledby': 'people-title', hidden: true },
      h('div', { class: 'row spread' }, this.#heading,
        h('button', { type: 'button', class: 'plain small', onclick: close }, t('close'))),
      this.#list);
    this.node.addEventListener('keydown', (event) => { if (event.key === 'Escape') close(); });
  }

  update(people) {
    const said = JSON.stringify(people, (key, value) => (key === 'video' || key === 'shared' ? undefined : value));
    if (said === this.#said) return;
    this.#said = said;
    put(this.#heading, t('people.count', { count: people.length }));
    put(this.#list, people.map((person) =>
      h('li', { class: 'row spread' }, h('span', {}, person.name), h('span', { class: 'marks' }, marksOf(person)))));
  }

  get open() {
    return !this.node.hidden;
  }

  set open(open) {
    this.node.hidden = !open;
    if (open) this.#heading.focus();
  }
}
