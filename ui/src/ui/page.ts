// What the page tells its working parts: data-site of <html>, the site's readable token cookie, and
// two scripts of JSON: `page`, read here, and `texts`, the words (texts.ts).

export type VisitorKind = "nobody" | "guest" | "user";

export interface Page {
  // "" or "/s/NAME": goes before every address of ours.
  readonly root: string;
  // The same for pages, which have addresses for each language: "/s/NAME/de".
  readonly pages: string;
  readonly site: string;
  readonly language: string;
  readonly visitor: VisitorKind;
}

interface Facts {
  readonly root?: string;
  readonly pages?: string;
  readonly language?: string;
  readonly csrf_token?: string;
  readonly visitor?: { readonly kind: VisitorKind };
}

const text = document.getElementById("page")?.textContent;
const facts: Facts = text ? (JSON.parse(text) as Facts) : {};

export const page: Page = {
  root: facts.root ?? "",
  pages: facts.pages ?? facts.root ?? "",
  site: document.documentElement.dataset["site"] ?? "",
  language: facts.language ?? "en",
  visitor: facts.visitor?.kind ?? "nobody",
};

// Addresses in answers of the API begin at the site's root or, from some servers, with it.
export const address = (path: string): string =>
  path.startsWith(`${page.root}/`) || !path.startsWith("/") ? path : page.root + path;

// A page of ours, in the language of this one.
export const pageAddress = (path: string): string => page.pages + path;

// The cookie changes with every sign-in, so it is read when it is needed; the page knows the token
// that it was rendered with.
export function csrfToken(): string {
  const name = `stemhouse_${page.site}_csrf=`;
  const found = document.cookie.split("; ").find((cookie) => cookie.startsWith(name));
  return found === undefined
    ? (facts.csrf_token ?? "")
    : decodeURIComponent(found.slice(name.length));
}

// The page on which somebody signs in, and from which the way leads back here.
export const signIn = (): string =>
  `${pageAddress("/sign-in")}?next=${encodeURIComponent(location.pathname)}`;

export const go = (path: string): void => location.assign(pageAddress(path));
