import {
  ApiOutlined, AuditOutlined, DashboardOutlined, DeploymentUnitOutlined, GiftOutlined, GlobalOutlined, KeyOutlined,
  LogoutOutlined, MenuOutlined, MoonOutlined, PartitionOutlined, RobotOutlined, SafetyOutlined, SendOutlined, ShopOutlined, SunOutlined, TeamOutlined, UserOutlined,
} from "@ant-design/icons";
import { must } from "@koi/client";
import { Button, Drawer, Dropdown } from "antd";
import { Suspense, useState, type ReactNode } from "react";
import { NavLink, Outlet, useLocation, useNavigate, useNavigation } from "react-router";
import { useTranslation } from "react-i18next";
import logo from "../../../shared/koi.svg";
import { chooseLanguage } from "../../../shared/i18n";
import { chooseTheme, useTheme } from "../../../shared/theme";
import { koi } from "../lib/koi";
import { useMay, useSession, type Permission } from "../lib/session";
import { useTexts, type TextKey } from "../lib/texts";
import { Waiting } from "./Guard";

interface Item {
  to: string;
  text: TextKey;
  icon: ReactNode;
  /** Shown to whoever holds one of these. */
  for: Permission[];
  end?: boolean;
}

const GROUPS: { text: TextKey; items: Item[] }[] = [
  {
    text: "nav.run",
    items: [
      { to: "/", text: "nav.dashboard", icon: <DashboardOutlined />, for: ["campaigns_read"], end: true },
      { to: "/campaigns", text: "nav.campaigns", icon: <GiftOutlined />, for: ["campaigns_read"] },
      { to: "/shoppers", text: "nav.shoppers", icon: <TeamOutlined />, for: ["shoppers_read"] },
      { to: "/segments", text: "nav.segments", icon: <PartitionOutlined />, for: ["campaigns_edit"] },
    ],
  },
  {
    text: "nav.deliver",
    items: [
      { to: "/held", text: "nav.held", icon: <SafetyOutlined />, for: ["awards_manage"] },
      { to: "/exchange", text: "nav.exchange", icon: <ShopOutlined />, for: ["exchange_manage"] },
      { to: "/deliveries", text: "nav.deliveries", icon: <SendOutlined />, for: ["webhooks_manage"] },
      { to: "/webhooks", text: "nav.webhooks", icon: <ApiOutlined />, for: ["webhooks_manage"] },
    ],
  },
  {
    text: "nav.desk",
    items: [
      { to: "/operators", text: "nav.operators", icon: <UserOutlined />, for: ["operators_read"] },
      { to: "/api-keys", text: "nav.api_keys", icon: <KeyOutlined />, for: ["keys_manage"] },
      { to: "/models", text: "nav.models", icon: <RobotOutlined />, for: ["campaigns_read"] },
      { to: "/engines", text: "nav.engines", icon: <DeploymentUnitOutlined />, for: ["reports_read"] },
      { to: "/audit", text: "nav.audit", icon: <AuditOutlined />, for: ["audit_read"] },
    ],
  },
];

function Side({ onGo }: { onGo?: () => void }) {
  const { t } = useTexts();
  const may = useMay();
  return (
    <div className="k-side">
      <div className="k-brand">
        <img src={logo} alt="" />
        <span>
          锦鲤 Koi<small>{t("nav.console")}</small>
        </span>
      </div>
      <nav className="k-nav" aria-label={t("nav.main")}>
        {GROUPS.map((group) => {
          const items = group.items.filter((item) => item.for.some(may));
          if (items.length === 0) return null;
          return (
            <section key={group.text}>
              <h2>{t(group.text)}</h2>
              <ul>
                {items.map((item) => (
                  <li key={item.to}>
                    <NavLink to={item.to} end={item.end ?? false} onClick={onGo}>
                      <span aria-hidden>{item.icon}</span>
                      {t(item.text)}
                    </NavLink>
                  </li>
                ))}
              </ul>
            </section>
          );
        })}
      </nav>
    </div>
  );
}

/** The frame around every page: where one can go, who one is, how it looks. */
export function Layout() {
  const { t } = useTexts();
  const [isOpen, setOpen] = useState(false);
  const isGoing = useNavigation().state !== "idle";
  const { pathname, search } = useLocation();
  return (
    <div className="k-shell">
      <a className="k-skip" href="#main">
        {t("nav.skip")}
      </a>
      <Side />
      <Drawer open={isOpen} onClose={() => setOpen(false)} placement="left" size={260} rootClassName="k-drawer-nav" styles={{ body: { padding: 0 }, header: { display: "none" } }} title={t("nav.main")}>
        <Side onGo={() => setOpen(false)} />
      </Drawer>
      <div className="k-main">
        <header className="k-top">
          <Button className="k-phone-only" type="text" icon={<MenuOutlined />} aria-label={t("nav.open")} onClick={() => setOpen(true)} />
          <div className="k-top-end">
            <LanguageChoice />
            <ThemeChoice />
            <Me />
          </div>
        </header>
        <main className="k-content" id="main" tabIndex={-1} aria-busy={isGoing} data-path={pathname + search}>
          <Suspense fallback={<Waiting />}>
            <Outlet />
          </Suspense>
        </main>
      </div>
    </div>
  );
}

export function LanguageChoice() {
  const { i18n } = useTranslation();
  const other = i18n.language === "zh" ? "en" : "zh";
  return (
    <Button type="text" icon={<GlobalOutlined aria-hidden />} onClick={() => chooseLanguage(i18n, other)} lang={other === "zh" ? "zh-CN" : "en"}>
      {other === "zh" ? "中文" : "English"}
    </Button>
  );
}

export function ThemeChoice() {
  const { theme } = useTheme();
  const { t } = useTexts();
  const isDark = theme === "dark";
  return (
    <Button
      type="text"
      icon={isDark ? <SunOutlined aria-hidden /> : <MoonOutlined aria-hidden />}
      aria-label={isDark ? t("nav.light") : t("nav.dark")}
      onClick={() => chooseTheme(isDark ? "light" : "dark")}
    />
  );
}

async function leave(): Promise<void> {
  await must(koi.DELETE("/api/v1/session")).catch(() => undefined);
  useSession.getState().set(null);
}

function Me() {
  const { t, word } = useTexts();
  const operator = useSession((state) => state.session?.operator);
  const go = useNavigate();
  return (
    <Dropdown
      trigger={["click"]}
      placement="bottomRight"
      menu={{
        items: [
          { key: "who", disabled: true, label: `${operator?.login ?? ""} · ${word("role", operator?.role ?? "")}` },
          { key: "account", icon: <UserOutlined />, label: t("nav.account") },
          { key: "leave", icon: <LogoutOutlined />, label: t("session.sign_out") },
        ],
        onClick: ({ key }) => (key === "leave" ? void leave() : void go("/account")),
      }}
    >
      <Button type="text" icon={<UserOutlined aria-hidden />}>
        <span className="k-wide-only">{operator?.name}</span>
        <span className="visually-hidden">{t("nav.account")}</span>
      </Button>
    </Dropdown>
  );
}
