import { Problem, must, type Schema } from "@koi/client";
import { useEffect, useId, useState } from "react";
import { artOf } from "../../draw/art";
import { dateTime, money, number, shortTime } from "../../shared/format";
import { useWords } from "../language";
import { copy } from "../parts/copy";
import { Dialog } from "../parts/Dialog";
import { notice } from "../parts/Notices";
import { useAction } from "../parts/use-action";
import { fieldOf } from "../parts/refusal";
import { ADDRESS_FIELDS, checkAddress, type AddressErrors, type AddressField } from "../parts/address";
import { koi, loadAwards, useShopper, type Award } from "../store";
import { problemText } from "../texts";

export function AwardsPanel() {
  const { t } = useWords();
  const awards = useShopper((state) => state.awards);
  const [claiming, setClaiming] = useState<Award>();
  useEffect(() => void loadAwards(), []);
  return (
    <section className="card" aria-labelledby="awards-title">
      <h2 id="awards-title">{t.awards.title}</h2>
      {awards.loaded && awards.rows.length === 0 && <p className="none">{t.awards.none}</p>}
      <ul className="list">
        {awards.rows.map((award) => (
          <AwardRow key={award.id} award={award} onClaim={() => setClaiming(award)} />
        ))}
      </ul>
      {awards.next && (
        <button type="button" className="button is-quiet is-wide" onClick={() => void loadAwards(true)}>
          {t.history.more}
        </button>
      )}
      {claiming && <AddressForm award={claiming} onClose={() => setClaiming(undefined)} />}
    </section>
  );
}

/** Claims; a claim that was made already is as good. */
async function claim(award: Award, address?: Schema<"Address">): Promise<void> {
  await must(koi().POST("/api/v1/awards/{id}/claim", { params: { path: { id: award.id } }, body: address ? { address } : {} }));
  await loadAwards();
}

function AwardRow({ award, onClaim }: { award: Award; onClaim: () => void }) {
  const { t, language } = useWords();
  const currency = useShopper((state) => state.rules?.currency ?? "CNY");
  const [run, isBusy] = useAction(async () => {
    await claim(award);
    notice(t.awards.done);
  });
  const { prize } = award;
  const isCredited = prize.kind === "points" && award.state === "granted";
  const canClaim = award.state === "granted" && prize.kind !== "points";
  const worth = award.points ? t.result.points(number(award.points, language)) : prize.value_cents > 0 && money(prize.value_cents, currency, language);
  return (
    <li>
      <span className="tile" aria-hidden="true">
        {artOf(prize)}
      </span>
      <span className="grow">
        <span className="list-title">{prize.name}</span>
        <span className="list-note">{[worth, shortTime(award.at, language)].filter(Boolean).join(" · ")}</span>
        {award.claim_by && canClaim && <span className="list-note is-warning">{t.awards.claimBy(dateTime(award.claim_by, language))}</span>}
        {award.coupon_code && (
          <span className="coupon">
            <span className="visually-hidden">{t.awards.coupon}: </span>
            <code>{award.coupon_code}</code>
            <button type="button" className="button is-small is-quiet" onClick={() => void copy(award.coupon_code ?? "").then(() => notice(t.ways.copied))}>
              {t.ways.copy}
            </button>
          </span>
        )}
      </span>
      {canClaim ? (
        <button type="button" className="button is-small" disabled={isBusy} aria-label={`${t.awards.claim}: ${prize.name}`} onClick={prize.kind === "goods" ? onClaim : run}>
          {t.awards.claim}
        </button>
      ) : (
        <span className={`state is-${award.state}`}>{isCredited ? t.awards.credited : (t.awards.states[award.state] ?? award.state)}</span>
      )}
    </li>
  );
}

function AddressForm({ award, onClose }: { award: Award; onClose: () => void }) {
  const { t } = useWords();
  const id = useId();
  const [errors, setErrors] = useState<AddressErrors>({});
  const [refused, setRefused] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const words = (field: AddressField) => {
    const error = errors[field];
    if (error === undefined) return undefined;
    return error === "required" ? t.awards.required : error === "phone" ? t.awards.badPhone : error === "country" ? t.awards.badCountry : error === "server" ? refused : t.awards.tooLong(error);
  };
  const submit = async (form: HTMLFormElement) => {
    const { address, errors: found } = checkAddress(new FormData(form));
    setErrors(found);
    const [first] = Object.keys(found);
    if (first || !address) {
      form.querySelector<HTMLElement>(`[name="${first}"]`)?.focus();
      return;
    }
    setBusy(true);
    try {
      await claim(award, address);
      notice(t.awards.done);
      onClose();
    } catch (thrown) {
      const problem = Problem.from(thrown);
      setRefused(problemText(t, problem));
      // What is no field of ours is said above the buttons.
      const field = fieldOf(problem, ADDRESS_FIELDS, "address");
      setErrors(field ? { [field]: "server" } : {});
      if (field) form.querySelector<HTMLElement>(`[name="${field}"]`)?.focus();
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title={t.awards.address} onClose={onClose}>
      <p className="result-title">{award.prize.name}</p>
      <p className="note">{t.awards.sealed}</p>
      <form
        className="form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void submit(event.currentTarget);
        }}
      >
        {ADDRESS_FIELDS.map((field) => (
          <div key={field} className={`field is-${field}`}>
            <label htmlFor={`${id}${field}`}>{t.awards.fields[field]}</label>
            <input
              id={`${id}${field}`}
              name={field}
              className="input"
              autoComplete={AUTOCOMPLETE[field]}
              inputMode={field === "phone" ? "tel" : undefined}
              aria-invalid={errors[field] !== undefined}
              aria-describedby={errors[field] === undefined ? undefined : `${id}${field}-error`}
            />
            {errors[field] !== undefined && (
              <span className="field-error" id={`${id}${field}-error`}>
                {words(field)}
              </span>
            )}
          </div>
        ))}
        {refused && Object.keys(errors).length === 0 && (
          <p className="field-error" role="alert">
            {refused}
          </p>
        )}
        <div className="result-buttons">
          <button type="submit" className="button" disabled={isBusy}>
            {t.awards.submit}
          </button>
          <button type="button" className="button is-quiet" onClick={onClose}>
            {t.awards.cancel}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

const AUTOCOMPLETE: Record<AddressField, string> = {
  name: "name",
  phone: "tel",
  region: "address-level1",
  city: "address-level2",
  street: "street-address",
  postal_code: "postal-code",
  country: "country",
  note: "off",
};
