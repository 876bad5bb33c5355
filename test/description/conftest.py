import pytest
from config_copy import ConfigCopy


@pytest.fixture
def config(tmp_path):
    return ConfigCopy(tmp_path)
