"""pytest plugin, loaded with -p: Hypothesis stops at its first failure, for nobody reads the
smallest example of it.

Before any test is imported, because settings of a test are made from those of the profile.
"""

from hypothesis import Phase, settings

settings.register_profile(
    "first failure", phases=(Phase.explicit, Phase.generate), database=None, print_blob=False
)
settings.load_profile("first failure")
