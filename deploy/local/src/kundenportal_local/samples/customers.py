"""The invented customers of the sample data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Customer:
    """One customer and its first user."""

    number: str
    company: str
    street: str
    city: str
    email: str
    salutation: str
    first_name: str
    last_name: str
    username: str | None
    first_paper: int  # the customer's papers are numbered from here

    @property
    def person(self) -> str:
        return f"{self.first_name} {self.last_name}"


FARM = Customer(
    number="4711",
    company="Hof Mustermann",
    street="Im Brook 12",
    city="49124 Georgsmarienhütte",
    email="max.mustermann@mail.example",
    salutation="mr",
    first_name="Max",
    last_name="Mustermann",
    username="s8u8i1",
    first_paper=1888,
)
BUTCHER = Customer(
    number="4820",
    company="Fleischerei Görlich & Łuczak",
    street="Große Straße 3",
    city="49201 Dissen am Teutoburger Wald",
    email="zofia.luczak@fleischerei.example",
    salutation="mrs",
    first_name="Zofia",
    last_name="Łuczak",
    username=None,
    first_paper=2310,
)
MUNICIPALITY = Customer(
    number="5033",
    company="Gemeinde Bad Höningen, Bauhof",
    street="Am Kurpark 1",
    city="49196 Bad Höningen",
    email="bauhof@bad-hoeningen.example",
    salutation="mr",
    first_name="Jürgen",
    last_name="Straßmann",
    username="bauhof.hoeningen",
    first_paper=3042,
)
CUSTOMERS = (FARM, BUTCHER, MUNICIPALITY)
ONBOARDED = (FARM, BUTCHER)
