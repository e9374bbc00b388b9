/** Numbers, money and times as people write them. `language` is `zh` or `en`. */
const locale = (language: string) => (language.startsWith("zh") ? "zh-CN" : "en-GB");

/** Minor units as money; currencies without minor units are known to the browser. */
export function money(cents: number, currency: string, language: string): string {
  const format = new Intl.NumberFormat(locale(language), { style: "currency", currency, currencyDisplay: "narrowSymbol" });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  const whole = cents % 10 ** digits === 0;
  const short = new Intl.NumberFormat(locale(language), {
    style: "currency",
    currency,
    currencyDisplay: "narrowSymbol",
    ...(whole ? { minimumFractionDigits: 0, maximumFractionDigits: 0 } : {}),
  });
  return short.format(cents / 10 ** digits);
}

export function number(value: number, language: string): string {
  return new Intl.NumberFormat(locale(language)).format(value);
}

/** `"0.012346"` as `1.23%`: enough digits to tell small odds apart. */
export function percent(decimal: string | number, language: string): string {
  const value = Number(decimal);
  const digits = value > 0 && value < 0.001 ? 4 : value < 0.1 ? 2 : 1;
  return new Intl.NumberFormat(locale(language), { style: "percent", maximumFractionDigits: digits }).format(value);
}

/** A moment, in a time zone or the reader's own. */
export function dateTime(at: string | Date, language: string, timeZone?: string): string {
  return new Intl.DateTimeFormat(locale(language), { dateStyle: "medium", timeStyle: "short", ...(timeZone ? { timeZone } : {}) }).format(
    new Date(at),
  );
}

/** A moment in a list: without the year where it is this one. */
export function shortTime(at: string | Date, language: string, timeZone?: string): string {
  const then = new Date(at);
  const isThisYear = then.getFullYear() === new Date().getFullYear();
  return new Intl.DateTimeFormat(locale(language), {
    ...(isThisYear ? {} : { year: "numeric" }),
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    ...(timeZone ? { timeZone } : {}),
  }).format(then);
}

export function date(at: string | Date, language: string, timeZone?: string): string {
  return new Intl.DateTimeFormat(locale(language), { dateStyle: "medium", ...(timeZone ? { timeZone } : {}) }).format(new Date(at));
}
