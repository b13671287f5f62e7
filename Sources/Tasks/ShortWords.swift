// Common words of three to six letters, for questions about a word's letters.

enum ShortWords {
  static let all: [String] =
    """
    act age air apple arm army art baby back bag ball bank base bath bear bed bell bird black blood blue
    boat body bone book box boy brain branch bread bridge brown brush bucket bus butter button cake camp
    car card cart cat chain chair chalk cheese chest child church circle city clock cloth cloud coal coat
    coin cook copper cord cork corn cotton cover cow crown cup dance day dear desk dinner dish dog door
    dress drink drop dust ear earth east edge egg eight engine eye face fact farm father field fight fire
    fish flag floor flower fly fold food foot force fork form four fox frame friend fruit game garden gate
    girl glass glove goat gold grain grass green ground group guide gun hair hall hammer hand harbor hat
    head heart hill hole home honey hook horn horse house ice ink iron island jar jewel join joke judge
    jump key king kiss knee knife knot lake lamp land leaf leg level lift light line lion lip list
    lock love lunch map mark market mass match meal meat metal middle milk mind mine mist money monkey
    moon mother motor mouth music nail name neck needle nerve nest net news night nine noise north nose
    note number nut oak ocean office oil onion orange oven owl page paint pair paper park part party paste
    path peace pen pencil person pet piano pig pin pipe place plane plant plate play pocket point pot
    potato powder price prince print purple queen quick quiet rabbit rail rain range rat ray record red
    rice ring river road rock roof room root rope rose rule sail salt sand scale school sea seat seed
    seven sheep shelf ship shirt shoe shop silk silver sister six skin skirt sky sleep smile smoke snake
    snow soap sock son song soup south space spade sponge spoon spring square stage stamp star steam steel
    stem step stick stone store storm story street summer sun table tail taste ten test thread three
    throat thumb ticket tiger time tin toe tooth top town toy trade train tray tree trick turn twist two
    uncle unit valley van verse vessel view village violet voice walk wall war wash watch water wave wax
    way week west whale wheel white wind window wine wing winter wire wolf woman wood wool word work world
    worm wound yard year yellow zebra zero zoo
    """.split(whereSeparator: \.isWhitespace).map(String.init)
}
