// unit: 1 where the answer's last quantity is that of the reference, in whatever unit of its kind; else 0.
import Base

package struct UnitReward: Reward {
  package static let name = "unit"
  package init(_ section: Section) {}

  package func callAsFunction(_ answer: RewardedAnswer) -> Double {
    guard let expected = answer.reference.flatMap({ Quantity.last(in: $0) }),
      let given = Quantity.last(in: answer.completion), given.kind == expected.kind
    else { return 0 }
    return abs(given.value - expected.value) <= 1e-9 * max(1, abs(expected.value)) ? 1 : 0
  }
}

/// A number with its unit, in the base unit of its kind.
struct Quantity: Equatable {
  let value: Double
  /// The base unit.
  let kind: String

  /// The last number that a known unit stands behind.
  static func last(in text: [UInt8]) -> Quantity? {
    for number in TextNumber.all(in: text).reversed() {
      var rest = text[number.range.upperBound...].drop { $0 == 0x20 }
      // A degree sign belongs to a temperature.
      if rest.starts(with: Array("°".utf8)) { rest = rest.dropFirst(2) }
      let name = rest.prefix { (0x41...0x5A).contains($0 & 0xDF) || $0 == UInt8(ascii: "%") || $0 >= 0x80 }
      guard let unit = unit(String(decoding: name, as: UTF8.self)) else { continue }
      return Quantity(value: number.value * unit.factor + unit.zero, kind: unit.kind)
    }
    return nil
  }

  private struct Unit {
    let kind: String
    let factor: Double
    /// What 0 of it is in the base unit.
    var zero = 0.0
  }

  /// By its symbol, whose case counts, or its name.
  private static func unit(_ name: String) -> Unit? {
    if let unit = units[name] { return unit }
    let lower = name.lowercased()
    return units[lower] ?? (lower.hasSuffix("s") ? units[String(lower.dropLast())] : nil)
  }

  private static let units: [String: Unit] = {
    var all: [String: Unit] = [
      "C": Unit(kind: "K", factor: 1, zero: 273.15), "celsius": Unit(kind: "K", factor: 1, zero: 273.15),
      "K": Unit(kind: "K", factor: 1), "kelvin": Unit(kind: "K", factor: 1),
      "F": Unit(kind: "K", factor: 5 / 9, zero: 273.15 - 32 * 5 / 9),
      "fahrenheit": Unit(kind: "K", factor: 5 / 9, zero: 273.15 - 32 * 5 / 9),
      "feet": Unit(kind: "m", factor: 0.3048), "inches": Unit(kind: "m", factor: 0.0254),
      "metre": Unit(kind: "m", factor: 1), "kilometre": Unit(kind: "m", factor: 1000),
      "centimetre": Unit(kind: "m", factor: 0.01), "millimetre": Unit(kind: "m", factor: 0.001),
      "litre": Unit(kind: "l", factor: 1), "millilitre": Unit(kind: "l", factor: 0.001),
      "percent": Unit(kind: "1", factor: 0.01), "%": Unit(kind: "1", factor: 0.01),
    ]
    let table: [(kind: String, units: [(symbol: String, name: String, factor: Double)])] = [
      (
        "m",
        [
          ("m", "meter", 1), ("km", "kilometer", 1000), ("cm", "centimeter", 0.01),
          ("mm", "millimeter", 0.001),
          ("ft", "foot", 0.3048), ("in", "inch", 0.0254), ("yd", "yard", 0.9144), ("mi", "mile", 1609.344),
        ]
      ),
      (
        "g",
        [
          ("g", "gram", 1), ("kg", "kilogram", 1000), ("mg", "milligram", 0.001), ("t", "tonne", 1e6),
          ("lb", "pound", 453.59237), ("oz", "ounce", 28.349523125),
        ]
      ),
      (
        "s",
        [
          ("s", "second", 1), ("ms", "millisecond", 0.001), ("min", "minute", 60), ("h", "hour", 3600),
          ("d", "day", 86400), ("wk", "week", 604_800),
        ]
      ),
      (
        "l",
        [
          ("l", "liter", 1), ("ml", "milliliter", 0.001), ("dl", "deciliter", 0.1),
          ("cl", "centiliter", 0.01),
        ]
      ),
      (
        "byte", [("B", "byte", 1), ("kB", "kilobyte", 1e3), ("MB", "megabyte", 1e6), ("GB", "gigabyte", 1e9)]
      ),
    ]
    for (kind, units) in table {
      for unit in units {
        all[unit.symbol] = Unit(kind: kind, factor: unit.factor)
        all[unit.name] = Unit(kind: kind, factor: unit.factor)
      }
    }
    return all
  }()
}
