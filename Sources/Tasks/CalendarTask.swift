// The day or month before or after another one.
import Base

struct CalendarNeighbour: CheckableTask {
  let name = "calendar"
  let circles = [
    (
      "day",
      ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    ),
    (
      "month",
      [
        "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
        "november", "december",
      ]
    ),
  ]
  let after = [
    "UNIT after X?", "which UNIT is after X?", "which UNIT comes after X?", "what UNIT follows X?",
    "after X comes which UNIT?", "next UNIT after X?", "X and then which UNIT?", "the UNIT following X?",
  ]
  let before = [
    "UNIT before X?", "which UNIT is before X?", "which UNIT comes before X?", "what UNIT precedes X?",
    "before X comes which UNIT?", "last UNIT before X?", "X and before it which UNIT?",
    "the UNIT preceding X?",
  ]

  func example(using random: inout PhiloxStream) -> TaskExample {
    // Draw among all names, not among the circles first, so that each name is as likely as any other.
    let place = random.below(circles.reduce(0) { $0 + $1.1.count })
    let (unit, names) = place < circles[0].1.count ? circles[0] : circles[1]
    let index = place < circles[0].1.count ? place : place - circles[0].1.count
    let forward = random.below(2) == 0
    let way = random.pick(forward ? after : before)
    let prompt = way.split(separator: " ", omittingEmptySubsequences: false).map { word in
      switch word {
      case "UNIT": unit
      case "UNIT?": unit + "?"
      case "X": names[index]
      case "X?": names[index] + "?"
      default: String(word)
      }
    }
    let answer = names[(index + (forward ? 1 : names.count - 1)) % names.count]
    return TaskExample(prompt.joined(separator: " "), answer)
  }
}
