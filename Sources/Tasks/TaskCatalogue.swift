// All kinds of questions, in the order in which a data set goes through them. Add a new kind at the end: the place of
// a kind is part of its random numbers.

package enum TaskCatalogue {
  package static let all: [any CheckableTask] = [
    FirstLetter(), LastLetter(), Uppercase(), Reverse(), CountLetter(),
    SortLetters(), SortNumbers(), LargerNumber(), Addition(), NumberInWords(),
    CalendarNeighbour(), UnitConversion(), Opposite(),
  ]

  /// Numbers and dates in figures and in words, both ways.
  package static let translations: [any CheckableTask] = Translation.all
}
