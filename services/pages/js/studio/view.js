// One view at a time: waiting, the preview, the room, or how it ended. Focus goes with it, so that nobody is left nowhere.

import { byId, put } from '../shared/dom.js';
import { t } from '../shared/page.js';

let current = null;

/** Shows a view: `{name, node, title?, focus?, close?}`. The one before is closed. */
export function show(view) {
  const first = current === null;
  current?.close?.();
  current = view;
  document.body.dataset.view = view.name;
  put(byId('view'), view.node);
  document.title = `${view.title || t('title')} · AvanzaCast`;
  // On arrival the browser's own order is right; later the person was at something that is gone.
  if (!first) view.focus?.focus();
}

/** What is shown. */
export function shown() {
  return current;
}
