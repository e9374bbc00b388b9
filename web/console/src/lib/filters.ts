import { useSearchParams } from "react-router";

type Change<Name extends string> = Partial<Record<Name, string | null | undefined>>;

/** Filters that live in the address, so that a reload, a link and the way back keep them. */
export function useFilters<Name extends string>(names: readonly Name[]): [Partial<Record<Name, string>>, (name: Name, value: string | null | undefined) => void, (all: Change<Name>) => void] {
  const [params, setParams] = useSearchParams();
  const values = Object.fromEntries(names.flatMap((name) => (params.get(name) ? [[name, params.get(name)]] : []))) as Partial<Record<Name, string>>;
  // At once: of two changes one after the other the second would start from what was before the first.
  const change = (all: Change<Name>) =>
    setParams(
      (before) => {
        const after = new URLSearchParams(before);
        for (const [name, value] of Object.entries(all) as [Name, string | null | undefined][]) {
          if (value) after.set(name, value);
          else after.delete(name);
        }
        return after;
      },
      { replace: true },
    );
  return [values, (name, value) => change({ [name]: value } as Change<Name>), change];
}
