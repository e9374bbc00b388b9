/** The local day of a moment, `YYYY-MM-DD`, in a time zone. */
export function dayIn(at: Date, timeZone: string): string {
  // Sweden writes dates as ISO 8601 does.
  return new Intl.DateTimeFormat("sv-SE", { timeZone, year: "numeric", month: "2-digit", day: "2-digit" }).format(at);
}

/** All days of a day's month, and how many columns its first one stands after Monday. */
export function monthOf(day: string): { days: string[]; lead: number } {
  const [year = 1970, month = 1] = day.split("-").map(Number);
  const count = new Date(Date.UTC(year, month, 0)).getUTCDate();
  const first = new Date(Date.UTC(year, month - 1, 1));
  const days = Array.from({ length: count }, (_, index) => `${day.slice(0, 8)}${String(index + 1).padStart(2, "0")}`);
  return { days, lead: (first.getUTCDay() + 6) % 7 };
}
