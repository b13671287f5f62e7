// A quantity in a smaller unit. Factors of ten only append zeros, so any number up to 99 will do; the others are
// multiplication tables and stay below ten.
import Base

struct UnitConversion: CheckableTask {
  struct Unit: Sendable {
    var large: String
    var small: String
    var factor: Int
    var most: Int
  }

  let name = "unit-conversion"
  let units = [
    Unit(large: "km", small: "m", factor: 1000, most: 99),
    Unit(large: "m", small: "cm", factor: 100, most: 99),
    Unit(large: "kg", small: "g", factor: 1000, most: 99),
    Unit(large: "cm", small: "mm", factor: 10, most: 99),
    Unit(large: "hours", small: "minutes", factor: 60, most: 9),
    Unit(large: "weeks", small: "days", factor: 7, most: 9),
  ]

  func example(using random: inout PhiloxStream) -> TaskExample {
    let unit = random.pick(units)
    let number = random.pick(2...unit.most)
    let (large, small) = (unit.large, unit.small)
    let prompt =
      switch random.below(4) {
      case 0: "\(number) \(large) in \(small)?"
      case 1: "how many \(small) in \(number) \(large)?"
      case 2: "\(number) \(large) is how many \(small)?"
      default: "convert \(number) \(large) to \(small)?"
      }
    return TaskExample(prompt, String(number * unit.factor))
  }
}
