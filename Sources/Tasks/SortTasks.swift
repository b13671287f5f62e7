// Three things to be put in order.
import Base

struct SortLetters: CheckableTask {
  let name = "sort-letters"
  let letters = Array("abcdefghij")

  func example(using random: inout PhiloxStream) -> TaskExample {
    let picked = random.pick(3, of: letters)
    return TaskExample("sort \(String(picked))?", String(picked.sorted()))
  }
}

struct SortNumbers: CheckableTask {
  let name = "sort-numbers"

  func example(using random: inout PhiloxStream) -> TaskExample {
    let picked = random.pick(3, of: Array(0...9))
    func spaced(_ numbers: [Int]) -> String { numbers.map(String.init).joined(separator: " ") }
    return TaskExample("sort \(spaced(picked))?", spaced(picked.sorted()))
  }
}
