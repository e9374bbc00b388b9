import { create } from "zustand";

interface Notice {
  id: number;
  text: string;
  isBad: boolean;
}

const useNotices = create<{ notices: Notice[] }>(() => ({ notices: [] }));
/** Long enough to be read. */
const SHOWN_MS = 4_500;
let last = 0;

/** Says something at the foot of the page, to eyes and ears. */
export function notice(text: string, isBad = false): void {
  last += 1;
  const id = last;
  useNotices.setState(({ notices }) => ({ notices: [...notices.slice(-2), { id, text, isBad }] }));
  setTimeout(() => useNotices.setState(({ notices }) => ({ notices: notices.filter((each) => each.id !== id) })), SHOWN_MS);
}

export function Notices() {
  const notices = useNotices((state) => state.notices);
  return (
    <div className="notices" role="status" aria-live="polite">
      {notices.map((each) => (
        <p key={each.id} className={each.isBad ? "notice is-bad" : "notice"}>
          {each.text}
        </p>
      ))}
    </div>
  );
}
