// Choosing devices while in the room.

import { h } from '../shared/dom.js';
import { t } from '../shared/page.js';
import { Picker } from './picker.js';

/** Only some browsers let a page choose the loudspeaker. */
const canChooseSpeaker = () => 'setSinkId' in HTMLMediaElement.prototype;

/** Shows the choice until it is closed. */
export function settings(call) {
  const kinds = [...(call.publishes ? ['camera', 'microphone'] : []), ...(canChooseSpeaker() ? ['speaker'] : [])];
  const picker = new Picker({
    kinds,
    prefix: 'room',
    current: (kind) => call.deviceOf(kind),
    change: (kind, id) => call.change(kind, id),
  });
  const dialog = h('dialog', { class: 'settings', 'aria-labelledby': 'settings-title' },
    h('form', { method: 'dialog' },
      h('h2', { id: 'settings-title' }, t('settings')),
      picker.node,
      h('p', { class: 'small quiet' }, t('settings.hint')),
      h('div', { class: 'row' }, h('button', { class: 'primary' }, t('close')))));
  dialog.addEventListener('close', () => {
    picker.end();
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
}
