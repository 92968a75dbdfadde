// The compiler counts characters, the browser UTF-16 units, of which an emoji takes two.

// A function from offsets in characters to offsets in units of the same text.
export function inUnits(text) {
  const places = []; // of the characters that take two units, counted in characters
  let count = 0;
  for (const character of text) {
    if (character.length > 1) places.push(count);
    count += 1;
  }
  if (!places.length) return (offset) => offset;
  return (offset) => offset + places.filter((place) => place < offset).length;
}
