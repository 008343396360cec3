"""The labels worked out a second time: slow, one patient at a time, from DEFINITIONS.md alone.

Nothing of `training` or `features` is imported or copied here. Of `data` only the code lists and
the maps from codes to categories are asked, one code at a time. Each module opens with the
readings that it chose where DEFINITIONS.md is silent.
"""
