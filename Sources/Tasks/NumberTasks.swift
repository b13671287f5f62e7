// Questions about small numbers.
import Base

/// Both numbers have two digits, so that digits of the same place always stand at the same distance.
struct LargerNumber: CheckableTask {
  let name = "larger-number"

  func example(using random: inout PhiloxStream) -> TaskExample {
    let picked = random.pick(2, of: Array(10...59))
    return TaskExample("larger of \(picked[0]) and \(picked[1])?", String(max(picked[0], picked[1])))
  }
}

/// One number is below ten, so that one digit table and one carry are all there is to learn.
struct Addition: CheckableTask {
  let name = "addition"

  func example(using random: inout PhiloxStream) -> TaskExample {
    var terms = [random.pick(1...20), random.pick(1...9)]
    if random.below(2) == 1 { terms.reverse() }
    let prompt =
      switch random.below(3) {
      case 0: "\(terms[0]) + \(terms[1])?"
      case 1: "\(terms[0]) plus \(terms[1])?"
      default: "add \(terms[0]) and \(terms[1])?"
      }
    return TaskExample(prompt, String(terms[0] + terms[1]))
  }
}

struct NumberInWords: CheckableTask {
  let name = "number-in-words"
  let phrasings = Phrasings("X in words?", "write X as words?", "spell the number X?", "how is X spoken?")

  func example(using random: inout PhiloxStream) -> TaskExample {
    let number = random.below(100)
    return TaskExample(phrasings.ask(String(number), using: &random), words(number))
  }

  /// A number of 0..<100 in words.
  func words(_ number: Int) -> String {
    SpokenFigures.words(number).replacing(" ", with: "-")
  }
}
