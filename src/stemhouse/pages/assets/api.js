// The few addresses of the API that the first page uses. Refusals become errors that people can read.

let token = document.body.dataset.token;

export const visitor = () => document.body.dataset.visitor;

export class Refusal extends Error {
  constructor(status, body) {
    super(body?.error?.message ?? "The server did not answer as expected. Try again.");
    this.status = status;
    this.code = body?.error?.code ?? "unknown";
  }
}

const headers = () => (token ? { "X-CSRF-Token": token } : {});

export async function ask(method, path, body) {
  const sent = { method, headers: headers() };
  if (body !== undefined) {
    sent.body = JSON.stringify(body);
    sent.headers["Content-Type"] = "application/json";
  }
  let answer;
  try {
    answer = await fetch(path, sent);
  } catch {
    throw new Error("The server cannot be reached. Try again in a moment.");
  }
  const text = await answer.text();
  const found = parsed(text);
  if (!answer.ok) throw new Refusal(answer.status, found);
  return found;
}

export async function enter(path, body) {
  const session = await ask("POST", path, body);
  token = session.csrf_token ?? token;
  document.body.dataset.visitor = session.account?.kind ?? visitor();
  return session;
}

// fetch cannot tell how much of a body has been sent; XMLHttpRequest can.
export function upload(file, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    form.append("file", file, file.name);
    const request = new XMLHttpRequest();
    request.open("POST", "/v1/uploads");
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onProgress(event.loaded / event.total);
    request.onload = () => {
      const found = parsed(request.responseText);
      if (request.status < 300) resolve(found);
      else reject(new Refusal(request.status, found));
    };
    request.onerror = () => reject(new Error("The upload broke off. Try again."));
    request.onabort = () => reject(new DOMException("canceled", "AbortError"));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(form);
  });
}

function parsed(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}
