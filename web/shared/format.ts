/** Numbers, money and times as people write them. `language` is `zh` or `en`. */
const locale = (language: string) => (language.startsWith("zh") ? "zh-CN" : "en-GB");

// A formatter takes a slow phone tens of milliseconds to make: one of each is made, the first time that it is needed.
const numbers = new Map<string, Intl.NumberFormat>();
const times = new Map<string, Intl.DateTimeFormat>();

function numberFormat(language: string, options: Intl.NumberFormatOptions = {}): Intl.NumberFormat {
  const key = `${language}${JSON.stringify(options)}`;
  const made = numbers.get(key) ?? new Intl.NumberFormat(locale(language), options);
  numbers.set(key, made);
  return made;
}

function timeFormat(language: string, options: Intl.DateTimeFormatOptions, timeZone: string | undefined): Intl.DateTimeFormat {
  const all = { ...options, ...(timeZone ? { timeZone } : {}) };
  const key = `${language}${JSON.stringify(all)}`;
  const made = times.get(key) ?? new Intl.DateTimeFormat(locale(language), all);
  times.set(key, made);
  return made;
}

/** Minor units as money; currencies without minor units are known to the browser. */
export function money(cents: number, currency: string, language: string): string {
  const options = { style: "currency", currency, currencyDisplay: "narrowSymbol" } as const;
  const format = numberFormat(language, options);
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  const whole = cents % 10 ** digits === 0;
  const short = whole ? numberFormat(language, { ...options, minimumFractionDigits: 0, maximumFractionDigits: 0 }) : format;
  return short.format(cents / 10 ** digits);
}

/** Below it both languages write a whole number as its digits alone. */
const GROUPED_FROM = 1_000;

export function number(value: number, language: string): string {
  if (Number.isInteger(value) && value >= 0 && value < GROUPED_FROM) return String(value);
  return numberFormat(language).format(value);
}

/** `"0.012346"` as `1.23%`: enough digits to tell small odds apart. */
export function percent(decimal: string | number, language: string): string {
  const value = Number(decimal);
  const digits = value > 0 && value < 0.001 ? 4 : value < 0.1 ? 2 : 1;
  return numberFormat(language, { style: "percent", maximumFractionDigits: digits }).format(value);
}

/** A moment, in a time zone or the reader's own. */
export function dateTime(at: string | Date, language: string, timeZone?: string): string {
  return timeFormat(language, { dateStyle: "medium", timeStyle: "short" }, timeZone).format(new Date(at));
}

/** A moment in a list: without the year where it is this one. */
export function shortTime(at: string | Date, language: string, timeZone?: string): string {
  const then = new Date(at);
  const isThisYear = then.getFullYear() === new Date().getFullYear();
  const options: Intl.DateTimeFormatOptions = { ...(isThisYear ? {} : { year: "numeric" }), month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" };
  return timeFormat(language, options, timeZone).format(then);
}

export function date(at: string | Date, language: string, timeZone?: string): string {
  return timeFormat(language, { dateStyle: "medium" }, timeZone).format(new Date(at));
}
