// What the server says to a page, and the page's words in the reader's language.

/**
 * `{page, version, origins, livekit}`: which page this is; of which version; who may hand the studio a session (`"all"`,
 * `"local"` or a list of origins); and whether LiveKit's client is there.
 */
export const config = JSON.parse(document.querySelector('meta[name="avanzacast"]').content);

/** `es` or `en`. */
export const lang = document.documentElement.lang;

const { default: texts } = await import(`../../texts/${lang}/${config.page}.js`);

/** A text by its key, with `{name}` replaced by the value of that name. */
export function t(key, values = {}) {
  const text = texts[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** Whether there is a text for this key. */
export function has(key) {
  return key in texts;
}

const moments = new Intl.DateTimeFormat(lang, { dateStyle: 'medium', timeStyle: 'short' });
const clock = new Intl.DateTimeFormat(lang, { timeStyle: 'medium' });
const relative = new Intl.RelativeTimeFormat(lang, { numeric: 'auto' });
const numbers = new Intl.NumberFormat(lang);

/** A moment (RFC 3339), for people here. */
export function moment(text) {
  return text ? moments.format(new Date(text)) : '';
}

/** The time of day of a moment, with seconds. */
export function timeOfDay(text) {
  return text ? clock.format(new Date(text)) : '';
}

/** How long ago, or how soon. */
export function ago(text) {
  const seconds = Math.round((new Date(text).getTime() - Date.now()) / 1000);
  const [unit, length] = [['day', 86_400], ['hour', 3_600], ['minute', 60], ['second', 1]]
    .find(([, length]) => Math.abs(seconds) >= length) ?? ['second', 1];
  return relative.format(Math.trunc(seconds / length), unit);
}

/** A number, grouped as people here write it. */
export function number(value) {
  return numbers.format(value);
}
