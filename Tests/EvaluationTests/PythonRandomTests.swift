// CPython's random numbers: values that Python 3.11 prints.
import Evaluation
import Testing

@Suite struct PythonRandomTests {
  @Test func drawsAreThoseOfPython() {
    var random = PythonRandom(seed: 1234)
    #expect(
      (0..<3).map { _ in random.unit() } == [0.9664535356921388, 0.4407325991753527, 0.007491470058587191])
    random = PythonRandom(seed: 1234)
    #expect(random.sample(3, of: 10) == [7, 1, 0])
    #expect(random.sample(4, of: 1000) == [92, 932, 965, 961])
    #expect(random.sample(8, of: 30) == [25, 18, 1, 21, 22, 2, 3, 11])
    #expect(random.choices(5, of: 7) == [1, 0, 5, 2, 4])
    random = PythonRandom(seed: 0)
    #expect(random.choices(4, of: 100) == [84, 75, 42, 25])
    random = PythonRandom(seed: 1 << 40)
    #expect(random.sample(5, of: 5) == [0, 2, 3, 4, 1])
  }
}
