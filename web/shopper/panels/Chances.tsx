import { must } from "@koi/client";
import { useEffect, useId, useRef, useState, type ReactNode } from "react";
import { money, number, shortTime } from "../../shared/format";
import { useWords } from "../language";
import { Calendar } from "../parts/Calendar";
import { copy } from "../parts/copy";
import { notice } from "../parts/Notices";
import { useAction } from "../parts/use-action";
import { koi, loadOrders, refresh, store, useShopper, type Order } from "../store";

interface Ways {
  sign_in?: number;
  per_purchase_cents?: number;
  points_price?: number;
  paid_price_cents?: number;
  referral?: number;
  referred?: number;
  points_on_sign_in?: { min: number; max: number };
  streaks?: { days: number; chances?: number; points?: number }[];
}

type OrderBody = { kind: string; code?: string; quantity?: number };

/**
 * Makes an order once, however often its answer is lost: its key is stored until there is one. What is asked for is part of the name, so
 * that another order is another request.
 */
async function order(body: OrderBody): Promise<Order> {
  const { campaign, who } = useShopper.getState();
  const name = `koi.order.${campaign}.${who}.${JSON.stringify(body)}`;
  const pending = await store.take(name, body);
  try {
    const made = await must(
      koi().POST("/api/v1/campaigns/{id}/orders", {
        params: { path: { id: campaign }, header: { "Idempotency-Key": pending.key } },
        body: pending.body,
      }),
    );
    await store.drop(name, pending.key);
    return made;
  } catch (thrown) {
    if (!isUnclear(thrown)) await store.drop(name, pending.key);
    throw thrown;
  } finally {
    void Promise.all([refresh(), loadOrders()]);
  }
}

const isUnclear = (thrown: unknown) => thrown instanceof Error && "isTransient" in thrown && thrown.isTransient === true;

export function ChancesPanel() {
  const { t, language } = useWords();
  const rules = useShopper((state) => state.rules);
  const me = useShopper((state) => state.me);
  useEffect(() => void loadOrders(), []);
  if (!rules || !me) return null;
  const ways = rules.chances as Ways;
  return (
    <>
      {(ways.sign_in !== undefined || ways.points_on_sign_in) && <SignIn ways={ways} />}
      <div className="cards">
        {ways.points_price !== undefined && (
          <Buy kind="points" title={t.ways.buyPoints} note={t.ways.pointsPrice(number(ways.points_price, language))} button={() => t.ways.exchange} />
        )}
        {ways.paid_price_cents !== undefined && (
          <Buy
            kind="paid"
            title={t.ways.pay}
            note={`${t.ways.payPrice(money(ways.paid_price_cents, rules.currency, language))} · ${t.ways.payNote}`}
            button={(count) => t.ways.payButton(money(count * (ways.paid_price_cents ?? 0), rules.currency, language))}
          />
        )}
        <Redeem />
        {me.referral_code && <Invite ways={ways} code={me.referral_code} />}
        {ways.per_purchase_cents !== undefined && (
          <Way title={t.ways.purchase} note={t.ways.purchaseGives(money(ways.per_purchase_cents, rules.currency, language))} />
        )}
      </div>
      <Orders />
    </>
  );
}

function Way({ title, note, children }: { title: string; note?: string; children?: ReactNode }) {
  return (
    <section className="card way">
      <h2>{title}</h2>
      {note && <p className="note">{note}</p>}
      {children}
    </section>
  );
}

function SignIn({ ways }: { ways: Ways }) {
  const { t } = useWords();
  const me = useShopper((state) => state.me);
  const [run, isBusy] = useAction(async () => {
    const made = await order({ kind: "sign_in" });
    notice(t.ways.gained(made.chances));
  });
  if (!me) return null;
  const notes = [
    ways.sign_in && t.ways.signInGives(ways.sign_in),
    ways.points_on_sign_in && t.ways.pointsGives(ways.points_on_sign_in.min, ways.points_on_sign_in.max),
    ...(ways.streaks ?? []).filter((streak) => streak.chances).map((streak) => t.ways.streakGives(streak.days, streak.chances ?? 0)),
  ].filter(Boolean);
  return (
    <section className="card" aria-labelledby="calendar-title">
      <div className="card-head">
        <h2 id="calendar-title">{t.ways.calendar}</h2>
        <button type="button" className="button is-small" disabled={me.signed_in_today || isBusy || me.state !== "live"} onClick={run}>
          {me.signed_in_today ? t.ways.signed : t.ways.signIn}
        </button>
      </div>
      <p className="note">
        {me.streak > 0 && <strong>{t.ways.streak(me.streak)} · </strong>}
        {notes.join(" · ")}
      </p>
      <Calendar />
    </section>
  );
}

function Buy({ kind, title, note, button }: { kind: "points" | "paid"; title: string; note: string; button: (count: number) => string }) {
  const { t } = useWords();
  const [count, setCount] = useState(1);
  const [refused, setRefused] = useState<string>();
  const [run, isBusy] = useAction(async () => {
    setRefused(undefined);
    const made = await order({ kind, quantity: count });
    notice(made.state === "pending_payment" ? t.ways.payNote : t.ways.gained(made.chances));
  }, setRefused);
  return (
    <Way title={title} note={note}>
      <div className="row">
        <div className="stepper" role="group" aria-label={`${title}: ${t.ways.quantity}`}>
          <button type="button" aria-label={t.ways.less} disabled={count <= 1} onClick={() => setCount(count - 1)}>
            −
          </button>
          <output aria-live="polite">{count}</output>
          <button type="button" aria-label={t.ways.more} disabled={count >= 99} onClick={() => setCount(count + 1)}>
            +
          </button>
        </div>
        <button type="button" className="button is-small" disabled={isBusy} onClick={run}>
          {button(count)}
        </button>
      </div>
      {refused && (
        <p className="field-error" role="alert">
          {refused}
        </p>
      )}
    </Way>
  );
}

function Redeem() {
  const { t } = useWords();
  return (
    <Way title={t.ways.redeem}>
      <CodeForm kind="redeem" label={t.ways.redeemLabel} button={t.ways.redeemButton} />
    </Way>
  );
}

function CodeForm({ kind, label, button }: { kind: "redeem" | "referral"; label: string; button: string }) {
  const { t } = useWords();
  const id = useId();
  const [code, setCode] = useState("");
  const [refused, setRefused] = useState<string>();
  const input = useRef<HTMLInputElement>(null);
  const [run, isBusy] = useAction(
    async () => {
      setRefused(undefined);
      const made = await order({ kind, code: code.trim() });
      setCode("");
      notice(t.ways.gained(made.chances));
    },
    (text) => {
      setRefused(text);
      input.current?.focus();
    },
  );
  return (
    <form
      className="row"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (code.trim()) run();
      }}
    >
      <label htmlFor={id} className="visually-hidden">
        {label}
      </label>
      <input
        ref={input}
        id={id}
        className="input grow"
        value={code}
        placeholder={label}
        autoComplete="off"
        autoCapitalize="characters"
        maxLength={64}
        aria-invalid={refused !== undefined}
        aria-describedby={refused === undefined ? undefined : `${id}-error`}
        onChange={(event) => {
          setCode(event.target.value);
          setRefused(undefined);
        }}
      />
      <button type="submit" className="button is-small" disabled={isBusy || !code.trim()}>
        {button}
      </button>
      {refused && (
        <span className="field-error is-row" id={`${id}-error`} role="alert">
          {refused}
        </span>
      )}
    </form>
  );
}

function Invite({ ways, code }: { ways: Ways; code: string }) {
  const { t } = useWords();
  return (
    <Way title={t.ways.invite} note={t.ways.inviteGives(ways.referral ?? 0, ways.referred ?? 0)}>
      <div className="row">
        <span className="code grow">
          <span className="visually-hidden">{t.ways.inviteCode}: </span>
          {code}
        </span>
        <button type="button" className="button is-small is-quiet" onClick={() => void copy(code).then(() => notice(t.ways.copied))}>
          {t.ways.copy}
        </button>
      </div>
      <CodeForm kind="referral" label={t.ways.inviteEnter} button={t.ways.redeemButton} />
    </Way>
  );
}

function Orders() {
  const { t, language } = useWords();
  const orders = useShopper((state) => state.orders);
  return (
    <section className="card" aria-labelledby="orders-title">
      <h2 id="orders-title">{t.ways.orders}</h2>
      {orders.loaded && orders.rows.length === 0 && <p className="none">{t.ways.noOrders}</p>}
      <ul className="list">
        {orders.rows.slice(0, 30).map((row) => (
          <li key={row.id}>
            <span className="grow">
              <span className="list-title">{t.ways.kinds[row.kind] ?? row.kind}</span>
              <span className="list-note">
                <time dateTime={row.created_at}>{shortTime(row.created_at, language)}</time>
              </span>
            </span>
            {row.state === "pending_payment" && <CancelOrder id={row.id} />}
            <span className="list-side">
              <strong>{t.ways.chances(row.chances)}</strong>
              <span className="list-note">{t.ways.states[row.state] ?? row.state}</span>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function CancelOrder({ id }: { id: string }) {
  const { t } = useWords();
  const [run, isBusy] = useAction(async () => {
    await must(koi().POST("/api/v1/orders/{id}/cancel", { params: { path: { id } } }));
    await loadOrders();
  });
  return (
    <button type="button" className="button is-small is-quiet" disabled={isBusy} onClick={run}>
      {t.ways.cancel}
    </button>
  );
}
