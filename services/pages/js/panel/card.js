// One broadcast: how it is, and what can be done with it.

import { withAccess } from '../shared/access.js';
import { call, get, make } from '../shared/api.js';
import { h, put } from '../shared/dom.js';
import { moment, t } from '../shared/page.js';
import { busy, say, sure } from '../shared/say.js';
import { guests } from './guests.js';

const KINDS = { created: 'accent', live: 'live', ended: null };
/** What a host is called in the studio is asked for once. */
const NAME_KEPT = 'avanzacast.name';

/** The broadcast's card. */
export function card(broadcast) {
  const node = h('article', { class: 'card broadcast', 'data-broadcast': broadcast.id });
  show(node, broadcast);
  return node;
}

function show(node, broadcast) {
  const { id, title, description, status, createdAt } = broadcast;
  node.setAttribute('data-status', status);
  put(node,
    h('header', {},
      h('div', {},
        h('h3', {}, title || t('broadcast.forgotten')),
        h('p', { class: 'quiet small' }, t('broadcast.since', { when: moment(createdAt) })),
        description && h('p', { class: 'about' }, description)),
      h('span', { class: 'badge', 'data-kind': KINDS[status] }, t(`status.${status}`))),
    status !== 'ended' && h('div', { class: 'actions' },
      button('enter', 'enter', 'primary', () => enter(id)),
      status === 'created' && button('start', 'start', null, () => change(node, id, 'start')),
      button('end', 'end', 'danger', () => end(node, broadcast))),
    guests(broadcast));
}

function button(name, text, kind, work) {
  const node = h('button', { class: kind ? `${kind} ${name}` : name }, t(text));
  node.addEventListener('click', () => busy(node, work));
  return node;
}

async function end(node, { id, title }) {
  if (await sure({ title: t('end.sure', { title }), text: t('end.what'), yes: t('end') })) await change(node, id, 'end');
}

/** Somebody else may have done it already: then the card shows how it is. */
async function change(node, id, what) {
  try {
    show(node, await withAccess(() => call('POST', `/api/broadcasts/${id}/${what}`)));
  } catch (error) {
    if (error.status !== 409) throw error;
    show(node, await get(`/api/broadcasts/${id}`));
    say(error.text);
  }
  (node.querySelector('.enter') ?? node.querySelector('summary'))?.focus();
}

/** A way in for whoever is here, as host: a link that is used as soon as it is there. */
async function enter(id) {
  const username = await hostName();
  if (!username) return;
  const body = { username, role: 'host', singleUse: true, ttl: 600 };
  const { studioUrl } = await withAccess(() => make(`/api/broadcasts/${id}/session`, body));
  location.assign(studioUrl);
}

function hostName() {
  return new Promise((named) => {
    const field = h('input', {
      id: 'host-name', name: 'username', required: true, maxlength: 256, autocomplete: 'name', value: kept(),
    });
    const dialog = h('dialog', { 'aria-labelledby': 'host-title' },
      h('form', { method: 'dialog' },
        h('h2', { id: 'host-title' }, t('enter')),
        h('div', { class: 'field' }, h('label', { for: 'host-name' }, t('enter.name')), field),
        h('div', { class: 'row' },
          h('button', { class: 'primary', id: 'host-submit', value: 'yes' }, t('enter')),
          h('button', { type: 'button', onclick: () => dialog.close('') }, t('cancel')))));
    dialog.addEventListener('close', () => {
      dialog.remove();
      const name = dialog.returnValue === 'yes' ? field.value.trim() : '';
      if (name) keep(name);
      named(name);
    });
    document.body.append(dialog);
    dialog.showModal();
    field.select();
  });
}

/** A browser may keep nothing; then it is asked for again. */
function kept() {
  try {
    return localStorage.getItem(NAME_KEPT) ?? '';
  } catch {
    return '';
  }
}

function keep(name) {
  try {
    localStorage.setItem(NAME_KEPT, name);
  } catch { /* It is asked for again. */ }
}
