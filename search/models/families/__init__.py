"""The families of encoders, by what transformers calls them. This is the list of all that there are."""

from search.models.families.bert import Bert
from search.models.families.family import Family

FAMILIES: dict[str, Family] = {family.model_type: family for family in (Bert(),)}

__all__ = ["FAMILIES", "Family"]
