import { useState } from "react";
import { useWords } from "../language";
import { useShopper } from "../store";
import { dayIn, monthOf } from "./days";

/** The month of the campaign's today, with the days that were signed in. */
export function Calendar() {
  const { t, language } = useWords();
  const zone = useShopper((state) => state.rules?.time_zone ?? "UTC");
  const orders = useShopper((state) => state.orders.rows);
  const signedToday = useShopper((state) => state.me?.signed_in_today ?? false);
  const [now] = useState(() => new Date());
  const told = useShopper((state) => state.signIns);
  const today = told?.today ?? dayIn(now, zone);
  const signed = new Set(told?.days ?? orders.filter((order) => order.kind === "sign_in").map((order) => dayIn(new Date(order.created_at), zone)));
  if (signedToday) signed.add(today);
  const { days, lead } = monthOf(today);
  const title = new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en-GB", { year: "numeric", month: "long", timeZone: "UTC" }).format(new Date(`${today}T00:00:00Z`));
  return (
    <div className="calendar">
      <p className="calendar-title">{title}</p>
      <ol className="weekdays" aria-hidden="true">
        {t.ways.weekdays.map((word) => (
          <li key={word}>{word}</li>
        ))}
      </ol>
      <ol className="days">
        {days.map((day, index) => {
          const isSigned = signed.has(day);
          const words = [isSigned && t.ways.signedDay, day === today && t.ways.today].filter(Boolean).join(", ");
          return (
            <li
              key={day}
              className={[isSigned && "is-signed", day === today && "is-today", day > today && "is-later"].filter(Boolean).join(" ")}
              style={index === 0 ? { gridColumnStart: lead + 1 } : undefined}
            >
              <span>{Number(day.slice(8))}</span>
              {words && <span className="visually-hidden">{words}</span>}
            </li>
          );
        })}
      </ol>
    </div>
  );
}
