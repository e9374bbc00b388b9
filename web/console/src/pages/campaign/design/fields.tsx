import { DatePicker, Form, InputNumber, Select } from "antd";
import dayjs, { type Dayjs } from "dayjs";
import type { ReactNode } from "react";
import { useTexts, type TextKey } from "../../../lib/texts";

/** Decimals of a currency's minor units. */
export function digitsOf(currency: string): number {
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
  } catch {
    return 2;
  }
}

interface Controlled<T> {
  value?: T | null;
  onChange?: (value: T | null) => void;
  id?: string;
}

/** An amount, typed in whole units and kept in minor ones. */
export function MoneyInput({ value, onChange, currency, ...rest }: Controlled<number> & { currency: string; placeholder?: string; "aria-label"?: string; disabled?: boolean; min?: number }) {
  const digits = digitsOf(currency);
  const scale = 10 ** digits;
  return (
    <InputNumber<number>
      {...rest}
      min={rest.min ?? 0}
      value={value === null || value === undefined ? null : value / scale}
      onChange={(typed) => onChange?.(typed === null ? null : Math.round(typed * scale))}
      precision={digits}
      suffix={currency}
      style={{ width: "100%" }}
    />
  );
}

const WALL = "YYYY-MM-DDTHH:mm:ss";

/** A moment, shown and picked as a clock in the campaign's time zone shows it, kept as UTC. */
export function MomentInput({ value, onChange, zone, ...rest }: Controlled<string> & { zone: string; placeholder?: string; "aria-label"?: string }) {
  const shown: Dayjs | null = value ? dayjs(dayjs.utc(value).tz(zone).format(WALL)) : null;
  return (
    <DatePicker
      {...rest}
      showTime={{ format: "HH:mm" }}
      format="YYYY-MM-DD HH:mm"
      // Enter takes the moment that was typed; it must not send the form with it.
      onKeyDown={(event) => {
        if (event.key === "Enter") event.preventDefault();
      }}
      value={shown}
      onChange={(picked) => onChange?.(picked ? dayjs.tz((Array.isArray(picked) ? picked[0] : picked).format(WALL), zone).utc().format("YYYY-MM-DDTHH:mm:ss[Z]") : null)}
      style={{ width: "100%" }}
    />
  );
}

export function ZoneSelect({ value, onChange, id }: Controlled<string>) {
  const zones = Intl.supportedValuesOf("timeZone");
  return (
    <Select
      {...(id === undefined ? {} : { id })}
      value={value ?? null}
      onChange={(zone) => onChange?.(zone)}
      showSearch
      options={[...new Set(["UTC", ...zones])].map((zone) => ({ value: zone, label: zone }))}
    />
  );
}

/** A labelled whole number; `hint` says what it means where the label cannot. */
export function NumberField({ name, label, hint, min = 0, max, suffix }: { name: (string | number)[]; label: TextKey; hint?: TextKey; min?: number; max?: number; suffix?: ReactNode }) {
  const { t } = useTexts();
  return (
    <Form.Item name={name} label={t(label)} {...(hint ? { extra: t(hint) } : {})}>
      <InputNumber min={min} {...(max === undefined ? {} : { max })} precision={0} suffix={suffix} style={{ width: "100%" }} />
    </Form.Item>
  );
}
