// Questions about the letters of a short word.
import Base

struct FirstLetter: CheckableTask {
  let name = "first-letter"
  let phrasings = Phrasings("first letter of X?", "X starts with?")

  func example(using random: inout PhiloxStream) -> TaskExample {
    let word = random.pick(ShortWords.all)
    return TaskExample(phrasings.ask(word, using: &random), String(word.prefix(1)))
  }
}

struct LastLetter: CheckableTask {
  let name = "last-letter"
  let phrasings = Phrasings("last letter of X?", "X ends with?")

  func example(using random: inout PhiloxStream) -> TaskExample {
    let word = random.pick(ShortWords.all)
    return TaskExample(phrasings.ask(word, using: &random), String(word.suffix(1)))
  }
}

struct Uppercase: CheckableTask {
  let name = "uppercase"
  let phrasings = Phrasings("uppercase X?", "X in capitals?")

  func example(using random: inout PhiloxStream) -> TaskExample {
    let word = random.pick(ShortWords.all)
    return TaskExample(phrasings.ask(word, using: &random), word.uppercased())
  }
}

/// Three letters that can be pronounced. There are more such words than a model can know by heart.
struct Reverse: CheckableTask {
  let name = "reverse"
  let consonants = Array("bcdfghjklmnprstvwz")
  let vowels = Array("aeiou")

  func example(using random: inout PhiloxStream) -> TaskExample {
    let word = String([random.pick(consonants), random.pick(vowels), random.pick(consonants)])
    return TaskExample("reverse \(word)?", String(word.reversed()))
  }
}

struct CountLetter: CheckableTask {
  let name = "count-letter"
  let letters = Array("abc")

  func example(using random: inout PhiloxStream) -> TaskExample {
    let word = String((0..<random.pick(3...5)).map { _ in random.pick(letters) })
    let letter = random.pick(letters)
    return TaskExample("how many \(letter) in \(word)?", String(word.count { $0 == letter }))
  }
}
