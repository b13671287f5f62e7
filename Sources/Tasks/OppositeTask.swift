// The opposite of a common word.
import Base

struct Opposite: CheckableTask {
  let name = "opposite"
  let phrasings = Phrasings(
    "opposite of X?", "what is the opposite of X?", "X is the opposite of?", "name the opposite of X?",
    "which word is opposite to X?", "opposite word to X?", "antonym of X?", "contrary of X?")
  /// No word occurs twice, so that every question has one answer.
  let pairs = [
    ("hot", "cold"), ("big", "small"), ("up", "down"), ("open", "closed"), ("wet", "dry"), ("old", "new"),
    ("fast", "slow"), ("high", "low"), ("full", "empty"), ("hard", "soft"), ("day", "night"),
    ("black", "white"), ("good", "bad"), ("rich", "poor"), ("early", "late"), ("left", "right"),
    ("strong", "weak"), ("long", "short"), ("happy", "sad"), ("clean", "dirty"), ("light", "dark"),
    ("first", "last"), ("near", "far"), ("loud", "quiet"),
  ]

  func example(using random: inout PhiloxStream) -> TaskExample {
    let pair = random.pick(pairs)
    let (asked, answer) = random.below(2) == 0 ? pair : (pair.1, pair.0)
    return TaskExample(phrasings.ask(asked, using: &random), answer)
  }
}
