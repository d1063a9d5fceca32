// Counts of events by the hour, as series over a time: pure functions.

/** What is counted, by the types of events that count. */
export const SERIES = {
  links: ['session.created'],
  tokens: ['token.registered', 'token.issued', 'token.reissued'],
  consumed: ['session.consumed'],
  joined: ['participant.joined'],
};

/** How long each span is, and what one bar of it stands for. */
const SPANS = { day: { hours: 24, by: 'hour' }, week: { hours: 168, by: 'hour' }, month: { days: 30, by: 'day' } };

/** The beginnings of the bars of a span that ends now, and what each stands for. Days are those of the place where one is. */
export function bars(span, now) {
  const { hours, days, by } = SPANS[span];
  const last = new Date(now);
  last.setMinutes(0, 0, 0);
  if (by === 'day') last.setHours(0);
  const starts = Array.from({ length: hours ?? days }, (_, back) => {
    if (by === 'hour') return new Date(last.getTime() - back * 3_600_000);
    const start = new Date(last);
    start.setDate(start.getDate() - back);
    return start;
  });
  return { by, starts: starts.reverse() };
}

/** For each series one number per bar. What was before the first bar counts nowhere. */
export function series(counts, starts) {
  const edges = starts.map((start) => start.getTime());
  const result = Object.fromEntries(Object.keys(SERIES).map((name) => [name, starts.map(() => 0)]));
  for (const { hour, type, count } of counts) {
    const at = edges.findLastIndex((edge) => edge <= new Date(hour).getTime());
    if (at < 0) continue;
    for (const [name, types] of Object.entries(SERIES)) if (types.includes(type)) result[name][at] += count;
  }
  return result;
}

/** A round number that none of these is above, for the top of a chart. */
export function top(values) {
  const most = Math.max(4, ...values);
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 1.5, 2, 3, 4, 6, 8, 10].map((step) => step * power).find((step) => step >= most);
}
