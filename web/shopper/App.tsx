import { useEffect, type ReactNode } from "react";
import { chooseTheme, useTheme } from "../shared/theme";
import { useWords } from "./language";
import { useIdle } from "./idle";
import { CONTENT } from "./panels";
import { Icon, type IconName } from "./parts/Icon";
import { Notices } from "./parts/Notices";
import { ResultDialog } from "./parts/ResultDialog";
import { Stage } from "./parts/Stage";
import { PANELS, navigate, panelPath, useRoute, type Panel } from "./route";
import { loadRules, refresh, useShopper } from "./store";
import { problemText } from "./texts";

const ICONS: Record<Panel, IconName> = { draw: "gift", chances: "ticket", awards: "box", points: "coin", rules: "scale" };

/** The shopper's page: the stage with the game, and beside or below it one panel at a time. */
export function App() {
  const { campaign, panel } = useRoute();
  const { t } = useWords();
  const login = useShopper((state) => state.login);
  const rules = useShopper((state) => state.rules);
  const problem = useShopper((state) => state.problem);
  const me = useShopper((state) => state.me);
  useEffect(() => {
    if (panel) scrollTo(0, 0);
  }, [panel]);

  if (!campaign) return <Message title={t.login.title} body={t.login.noCampaign} />;
  if (login === "expired") return <Message title={t.login.title} body={t.login.expired} />;
  if (problem?.status === 404) return <Message title={t.login.title} body={t.login.unknown} />;
  if (problem && !rules) {
    return (
      <Message title={t.errors["title"] ?? ""} body={problemText(t, problem)}>
        <button type="button" className="button" onClick={() => void Promise.all([loadRules(), refresh()])}>
          {t.errors["retry"]}
        </button>
      </Message>
    );
  }
  if (!rules || (login === "in" && !me)) return <Skeleton />;
  const isOut = login === "out";
  return (
    <>
      <Header name={rules.name} />
      <main className="layout" data-panel={panel}>
        <div className="stage-column">{isOut ? <Message title={t.login.title} body={t.login.body} /> : <Stage />}</div>
        <Panels campaign={campaign} panel={panel} isOut={isOut} />
      </main>
      <footer className="footer">{t.footer}</footer>
      <ResultDialog />
      <Notices />
    </>
  );
}

function Panels({ campaign, panel, isOut }: { campaign: string; panel: Panel; isOut: boolean }) {
  const Content = CONTENT[panel];
  // The stage is what people come for, and on a slow phone the rest would hold it up.
  const isIdle = useIdle();
  return (
    <div className="panel-column">
      <Navigation campaign={campaign} panel={panel} />
      <div className="panel" id="panel">
        {(isOut && panel !== "rules") || !isIdle ? null : <Content />}
      </div>
    </div>
  );
}

function Header({ name }: { name: string }) {
  const { t, language, choose } = useWords();
  const { theme } = useTheme();
  const live = useShopper((state) => state.live);
  const isIn = useShopper((state) => state.login === "in");
  const other = theme === "dark" ? "light" : "dark";
  return (
    <header className="header">
      <svg className="mark" viewBox="0 0 64 64" aria-hidden="true">
        <path fill="#fff6e6" d="M18 33C24 18 44 14 58 29 46 44 26 47 18 33ZM20 33 5 20c3 8 3 14-1 25 7-1 12-5 16-12ZM33 19c4-6 9-8 15-7l-6 9Z" />
        <path fill="#f0b64c" d="M28 24c6-4 12-3 14 1-5 5-10 5-14-1Zm-2 12c3-1 7 1 8 5-4 0-7-2-8-5Z" />
        <circle cx="50" cy="27" r="2.2" fill="#7a1a10" />
      </svg>
      <h1 className="name">{name}</h1>
      {isIn && (
        <span className={`live is-${live}`} role="status">
          <span className="live-dot" aria-hidden="true" />
          <span className="live-word">{t.live[live]}</span>
        </span>
      )}
      <button type="button" className="chip" lang={language === "zh" ? "en" : "zh-CN"} onClick={() => choose(language === "zh" ? "en" : "zh")}>
        {t.language}
      </button>
      <button type="button" className="chip is-icon" aria-label={t.theme[other]} onClick={() => chooseTheme(other)}>
        <Icon name={other === "dark" ? "moon" : "sun"} />
      </button>
    </header>
  );
}

function Navigation({ campaign, panel }: { campaign: string; panel: Panel }) {
  const { t } = useWords();
  return (
    <nav className="nav" aria-label={t.nav.label}>
      {PANELS.map((each) => (
        <a
          key={each}
          href={panelPath(campaign, each)}
          aria-current={each === panel ? "page" : undefined}
          onClick={(event) => {
            if (event.metaKey || event.ctrlKey || event.shiftKey) return;
            event.preventDefault();
            navigate(panelPath(campaign, each));
          }}
        >
          <Icon name={ICONS[each]} />
          <span>{t.nav[each]}</span>
        </a>
      ))}
    </nav>
  );
}

function Message({ title, body, children }: { title: string; body: string; children?: ReactNode }) {
  return (
    <section className="message">
      <span className="message-art" aria-hidden="true">
        🎏
      </span>
      <h2>{title}</h2>
      <p>{body}</p>
      {children}
    </section>
  );
}

function Skeleton() {
  const { t } = useWords();
  return (
    <main className="skeleton" aria-busy="true" aria-label={t.loading}>
      <div className="skeleton-bar" />
      <div className="skeleton-stage" />
    </main>
  );
}
