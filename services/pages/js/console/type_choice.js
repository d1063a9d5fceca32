// A choice of kinds of events: none chosen is all of them.

import { h } from '../shared/dom.js';
import { t } from '../shared/page.js';

/** Each stands for all types that begin with it. */
const GROUPS = ['session', 'token', 'broadcast', 'participant', 'room', 'user', 'person', 'presence', 'requests', 'ledger'];

/** The fields for a form; `types(form)` reads them. */
export function typeChoice(form) {
  const choices = GROUPS.map((group) => h('label', { class: 'chip' },
    h('input', { type: 'checkbox', name: 'type', value: `${group}.*`, id: `${form.id}-${group}` }),
    t(`group.${group}`)));
  form.prepend(h('fieldset', { class: 'wide' }, h('legend', { class: 'label' }, t('types')), h('div', { class: 'chips' }, choices)));
}

/** The chosen types, as the API takes them. */
export function types(form) {
  return new FormData(form).getAll('type');
}
