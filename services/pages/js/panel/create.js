// Making a broadcast.

import { withAccess } from '../shared/access.js';
import { make } from '../shared/api.js';
import { byId, put } from '../shared/dom.js';
import { t } from '../shared/page.js';
import { busy, say } from '../shared/say.js';

/** Wires the form; `made` is told each broadcast that was made. */
export function prepareCreation(made) {
  const [dialog, form, title, wrong] = ['create', 'create-form', 'title', 'title-wrong'].map(byId);
  byId('create-open').addEventListener('click', () => {
    form.reset();
    complain(title, wrong, '');
    dialog.showModal();
    title.focus();
  });
  title.addEventListener('input', () => complain(title, wrong, ''));
  byId('create-cancel').addEventListener('click', () => dialog.close());
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const body = Object.fromEntries([...new FormData(form)].filter(([, text]) => text.trim() !== ''));
    complain(title, wrong, body.title ? '' : t('create.unnamed'));
    if (!body.title) return;
    busy(byId('create-submit'), async () => {
      const broadcast = await withAccess(() => make('/api/broadcasts', body));
      dialog.close();
      say(t('create.done'));
      made(broadcast);
    });
  });
}

function complain(field, place, text) {
  put(place, text);
  field.setAttribute('aria-invalid', String(text !== ''));
  if (text !== '') field.focus();
}
