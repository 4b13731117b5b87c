// Read-your-writes: the highest position this page knows of is asked of every following read.

let highest = 0

export function knownPosition() {
  return highest
}

export function notePosition(position: number) {
  if (Number.isFinite(position) && position > highest) highest = position
}

/** After a restore or a new epoch the log may be shorter than what we remember. */
export function forgetPositions() {
  highest = 0
}
