// The text in the address: `#example=resnet`, or `#text=...` with a text that is compressed. Browsers send neither anywhere.

const MOST = 4 << 20; // characters of a text that is unpacked

const packed = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const unpacked = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));

export async function textInAddress(text) {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  let whole = "";
  // In pieces that are whole multiples of three bytes, since a call takes only so many arguments.
  for (let start = 0; start < bytes.length; start += 30000) whole += packed(bytes.subarray(start, start + 30000));
  return `#text=${whole}`;
}

// What an address asks for: `{ example }`, `{ text }`, or `{ problem }`.
export async function askedByAddress(hash) {
  const asked = new URLSearchParams(hash.slice(1));
  if (!asked.has("text")) return { example: asked.get("example") ?? "resnet" };
  try {
    return { text: await inflated(unpacked(asked.get("text"))) };
  } catch (error) {
    return { problem: `The text in the address cannot be read: ${error.message}` };
  }
}

async function inflated(bytes) {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    text += decoder.decode(part.value, { stream: true });
    if (text.length > MOST) throw new Error("it is too large");
  }
  return (text + decoder.decode()).replaceAll("\r\n", "\n").replaceAll("\r", "\n");
}
