// What happened, for those who hear the page: one polite region for all working parts.
let region: HTMLElement | null = null;

function place(): HTMLElement {
  if (region?.isConnected) return region;
  region = document.createElement("p");
  region.className = "unseen";
  region.setAttribute("role", "status");
  document.body.append(region);
  return region;
}

export function announce(words: string): void {
  const here = place();
  // The same words twice in a row are said twice.
  here.textContent = here.textContent === words ? `${words}\u00a0` : words;
}
