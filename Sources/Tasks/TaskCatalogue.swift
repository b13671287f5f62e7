// All kinds of questions, in the order in which a data set goes through them. A new kind is one more line,
// at the end: a kind's place is part of its random numbers.

package enum TaskCatalogue {
  package static let all: [any CheckableTask] = [
    FirstLetter(), LastLetter(), Uppercase(), Reverse(), CountLetter(),
    SortLetters(), SortNumbers(), LargerNumber(), Addition(), NumberInWords(),
    CalendarNeighbour(), UnitConversion(), Opposite(),
  ]
}
