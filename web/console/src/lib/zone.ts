/** The reader's own time zone. */
export const OWN_ZONE = new Intl.DateTimeFormat().resolvedOptions().timeZone;
