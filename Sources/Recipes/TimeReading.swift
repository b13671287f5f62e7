// Durations as users write them.
import Base

/// The seconds of `4h`, `1h30m`, `90s`, `3600` (seconds) or `4:00:00`; nil for anything else.
package func seconds(of text: String) -> Double? {
  if let plain = Double(text) { return plain > 0 && plain.isFinite ? plain : nil }
  if text.count(where: { $0 == ":" }) == 2 {
    return ClockTime.seconds(text).flatMap { $0 > 0 ? $0 : nil }
  }
  let units: [Character: Double] = ["d": 86_400, "h": 3600, "m": 60, "s": 1]
  var total = 0.0
  var digits = ""
  for character in text {
    if character.isASCII, character.isNumber || character == "." {
      digits.append(character)
    } else if let unit = units[character], let value = Double(digits) {
      total += value * unit
      digits = ""
    } else {
      return nil
    }
  }
  return digits.isEmpty && total > 0 && total.isFinite ? total : nil
}
