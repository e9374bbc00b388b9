import { Button, DatePicker, Input, Select } from "antd";
import dayjs from "dayjs";
import { useTexts } from "../lib/texts";

/** One way to narrow a list, by the name that the server has for it. */
export type Filter =
  /** A text that is looked for when it was typed. */
  | { kind: "text"; name: string; label: string; width?: number }
  | { kind: "choice"; name: string; label: string; options: { value: string; label: string }[] }
  /** Whole days of the reader's own zone, as `from` and `until`. */
  | { kind: "days"; label: string };

/** The names in a query that filters have. */
export const namesOf = (filters: Filter[]): string[] => filters.flatMap((filter) => (filter.kind === "days" ? ["from", "until"] : [filter.name]));

const TEXT_PX = 220;
const CHOICE_PX = 160;

interface Props {
  filters: Filter[];
  chosen: Partial<Record<string, string>>;
  onChange: (change: Record<string, string | null | undefined>) => void;
}

/** What a list can be narrowed by, and a way to take it all back. */
export function Filters({ filters, chosen, onChange }: Props) {
  const { t } = useTexts();
  const names = namesOf(filters);
  return (
    <>
      {filters.map((filter) => (
        <One key={filter.kind === "days" ? "days" : filter.name} filter={filter} chosen={chosen} onChange={onChange} />
      ))}
      {names.some((name) => chosen[name] !== undefined) && (
        <Button type="text" onClick={() => onChange(Object.fromEntries(names.map((name) => [name, null])))}>
          {t("table.clear")}
        </Button>
      )}
    </>
  );
}

function One({ filter, chosen, onChange }: { filter: Filter } & Omit<Props, "filters">) {
  if (filter.kind === "text") {
    const value = chosen[filter.name] ?? "";
    return (
      <Input.Search
        key={value}
        allowClear
        defaultValue={value}
        placeholder={filter.label}
        aria-label={filter.label}
        onSearch={(text) => onChange({ [filter.name]: text.trim() })}
        className={(filter.width ?? TEXT_PX) > TEXT_PX ? "k-long" : ""}
        style={{ width: filter.width ?? TEXT_PX }}
      />
    );
  }
  if (filter.kind === "choice") {
    return (
      <Select
        allowClear
        value={chosen[filter.name] ?? null}
        placeholder={filter.label}
        aria-label={filter.label}
        onChange={(value: string | null) => onChange({ [filter.name]: value })}
        options={filter.options}
        style={{ minWidth: CHOICE_PX }}
        popupMatchSelectWidth={false}
      />
    );
  }
  return (
    <DatePicker.RangePicker
      aria-label={filter.label}
      value={chosen["from"] && chosen["until"] ? [dayjs(chosen["from"]), dayjs(chosen["until"]).subtract(1, "day")] : null}
      onChange={(range) => onChange({ from: range?.[0]?.startOf("day").toISOString(), until: range?.[1]?.add(1, "day").startOf("day").toISOString() })}
    />
  );
}
