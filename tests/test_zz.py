def test_x(people, users):

    assert users.get_by(email="bob@example.com").pk == 2
