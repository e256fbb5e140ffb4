/** Bodies of responses, read to a limit. */

/** The text of a body in UTF-8, or `undefined` if it is longer than `limit` bytes or in another encoding. */
export async function readToLimit(response: Response, limit: number): Promise<string | undefined> {
  if (response.body === null) return "";
  const reader = response.body.getReader();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    length += value?.byteLength ?? 0;
    const piece = length > limit ? undefined : decode(decoder, value, done);
    if (piece === undefined) {
      // Ends the transfer. How it ends does not matter.
      reader.cancel().catch(() => {});
      return undefined;
    }
    text += piece;
    if (done) return text;
  }
}

function decode(decoder: TextDecoder, bytes: Uint8Array | undefined, isLast: boolean): string | undefined {
  try {
    return decoder.decode(bytes, { stream: !isLast });
  } catch {
    return undefined;
  }
}

/** The value of a JSON text, or `undefined` if it is none. */
export function parseJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `text` without control characters and characters that reorder text, cut to `limit` characters. */
export function oneLine(text: string, limit: number): string {
  const line = text.replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]+/gu, " ");
  return [...line.slice(0, 2 * limit)].slice(0, limit).join("");
}
